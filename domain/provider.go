package domain

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// MailProvider is who runs mailboxes or takes mail for those who do, and how to
// know them. All names are in lower case.
type MailProvider struct {
	Name  string // words with dashes: "microsoft-365"
	Title string
	// Domains are those of recipients. "hotmail.*" stands for that name in every
	// country: hotmail.com, hotmail.de, hotmail.co.uk, hotmail.com.br, but not
	// hotmail.example.com. "*.rr.com" stands for all domains below rr.com.
	Domains []string
	// Hosts are mail exchangers or domains above them. Of several that fit, the
	// longest counts.
	Hosts []string
}

// Providers knows mailbox providers by recipient domain and by MX host. Looking
// up does not allocate, whatever the case of the names. Safe for concurrent use.
type Providers struct {
	domains   map[string]string
	countries map[string]string // "hotmail" of "hotmail.*"
	below     map[string]string // "rr.com" of "*.rr.com"
	hosts     map[string]string
}

// NewProviders checks the list and takes it; the error names every fault.
func NewProviders(list []MailProvider) (*Providers, error) {
	p := &Providers{map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}}
	var faults []error
	names := map[string]bool{}
	for i := range list {
		of := &list[i]
		err := errors.Join(of.check(), p.add(of))
		if names[of.Name] {
			err = errors.Join(err, errors.New("it is there twice"))
		}
		names[of.Name] = true
		if err != nil {
			faults = append(faults, fmt.Errorf("provider %d (%q): %w", i+1, of.Name, err))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return p, nil
}

func (m *MailProvider) check() error {
	switch {
	case !isRuleName(m.Name):
		return errors.New("want a name of lower case words with dashes")
	case len(m.Domains)+len(m.Hosts) == 0:
		return errors.New("want domains or hosts")
	}
	return nil
}

func (p *Providers) add(of *MailProvider) error {
	var faults []error
	put := func(names map[string]string, written, name string) {
		if !isHostName(name) {
			faults = append(faults, fmt.Errorf("%q: want a domain in lower case", written))
		}
		if other, ok := names[name]; ok {
			faults = append(faults, fmt.Errorf("%q is that of %q already", written, other))
		}
		names[name] = of.Name
	}
	for _, d := range of.Domains {
		if name, ok := strings.CutSuffix(d, ".*"); ok && !strings.Contains(name, ".") {
			put(p.countries, d, name)
		} else if name, ok := strings.CutPrefix(d, "*."); ok {
			put(p.below, d, name)
		} else {
			put(p.domains, d, d)
		}
	}
	for _, h := range of.Hosts {
		put(p.hosts, h, h)
	}
	return errors.Join(faults...)
}

// isHostName says whether a name consists of labels in lower case.
func isHostName(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return len(name) <= maxName
}

// maxName is the longest domain name in bytes (RFC 1035, section 2.3.4).
const maxName = 255

// foldName appends a name in lower case to b, and nothing if it is too long to
// be one.
func foldName(b []byte, name string) []byte {
	name = strings.TrimSuffix(name, ".")
	if len(name) > maxName {
		return b
	}
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}

// OfDomain returns who runs the mailboxes of a recipient's domain, "" if the
// domain alone does not say.
func (p *Providers) OfDomain(domain string) string {
	if p == nil {
		return ""
	}
	var buffer [maxName]byte
	name := foldName(buffer[:0], domain)
	if of, ok := p.domains[string(name)]; ok {
		return of
	}
	first, rest, ok := bytes.Cut(name, []byte{'.'})
	if !ok {
		return ""
	}
	if isCountry(rest) {
		if of, ok := p.countries[string(first)]; ok {
			return of
		}
	}
	return longest(p.below, rest)
}

// isCountry says whether what follows a name is a top level domain, or the part
// of a country's that is open to companies. A list of all public suffixes would
// say it exactly; this has to be right behind brands alone.
func isCountry(suffix []byte) bool {
	second, top, ok := bytes.Cut(suffix, []byte{'.'})
	if !ok {
		return len(suffix) > 0
	}
	return len(top) == 2 && top[0] != '.' && (string(second) == "co" || string(second) == "com")
}

// OfHost returns who runs a mail exchanger, "" if nobody known does.
func (p *Providers) OfHost(host string) string {
	if p == nil {
		return ""
	}
	var buffer [maxName]byte
	return longest(p.hosts, foldName(buffer[:0], host))
}

// OfSite returns who runs the mail exchangers of a ready queue by its name, ""
// if nobody known does.
func (p *Providers) OfSite(site string) string {
	if p == nil {
		return ""
	}
	var buffer [maxName]byte
	return longest(p.hosts, siteHost(buffer[:], site))
}

// longest returns what is known of a name, else of the nearest domain above it.
func longest(known map[string]string, name []byte) string {
	for len(name) > 0 {
		if of, ok := known[string(name)]; ok {
			return of
		}
		dot := bytes.IndexByte(name, '.')
		if dot < 0 {
			return ""
		}
		name = name[dot+1:]
	}
	return ""
}

// siteHost returns the first host of a ready queue's name,
// `source->mx@smtp_client`, or as many of its last labels as can be told. Where
// there are several hosts, KumoMTA writes for each label those of all hosts in
// their order, and `?` behind labels that some do not have:
//
//	(alt1|alt2|alt3|alt4)?.gmail-smtp-in.l.google.com
//	(alt1|alt2)?.aspmx?.(l|aspmx2).(google|googlemail).com
//
// So the first alternatives, from the right to the first `?`, are those of the
// host that is tried first. They are written in lower case to the end of b.
func siteHost(b []byte, site string) []byte {
	_, mx, ok := strings.Cut(site, "->")
	if !ok {
		return nil
	}
	mx, _, _ = strings.Cut(mx, "@")
	start := len(b)
	for mx != "" {
		label := mx[strings.LastIndexByte(mx, '.')+1:]
		mx = strings.TrimSuffix(mx[:len(mx)-len(label)], ".")
		if strings.HasSuffix(label, "?") {
			break
		}
		label, _, _ = strings.Cut(strings.Trim(label, "()"), "|")
		if len(label) >= start {
			return nil
		}
		start -= len(label)
		foldName(b[start:start], label)
		start--
		b[start] = '.'
	}
	return bytes.TrimPrefix(b[start:], []byte{'.'})
}

// providerOf returns who runs the mailbox that an event is about: by the domain
// of the recipient, else by the host that answered, else by those that the site
// names, which says where a message would have gone that reached nobody. What
// none of them knows has the name that the MTA's policy gives it.
func providerOf(e *EmailEvent, p *Providers) string {
	recipient, host := e.Recipient, e.PeerName
	switch e.Type {
	case Rejection: // somebody else's mail, to us
		return ""
	case Feedback:
		recipient, host = "", ""
		if e.Original != nil && len(e.Original.Recipients) > 0 {
			recipient = e.Original.Recipients[0]
		}
		if e.Report != nil {
			host = e.Report.Host
		}
	case Reception, XferIn: // the peer is who handed it in
		host = ""
	}
	if name := p.OfDomain(domainOf(recipient)); name != "" {
		return name
	}
	if name := p.OfHost(host); name != "" {
		return name
	}
	if name := p.OfSite(e.Site); name != "" {
		return name
	}
	return strings.ToLower(e.ProviderName)
}

// domainOf returns what stands behind an address's @, "" without one.
func domainOf(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return ""
	}
	return address[at+1:]
}
