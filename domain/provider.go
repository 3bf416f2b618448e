package domain

import (
	"errors"
	"fmt"
	"strings"
)

// MailProvider is who runs mailboxes, and how to know them.
type MailProvider struct {
	Name  string // lower case words with dashes: "microsoft-365"
	Title string
	// Domains are those of recipients, in lower case. "hotmail.*" stands for any
	// two or three last labels behind that name: hotmail.com, hotmail.co.uk.
	Domains []string
	// Hosts are mail exchangers or domains above them, in lower case. Of several
	// that fit, the longest counts.
	Hosts []string
}

// Providers knows mailbox providers by recipient domain and by MX host. Safe for
// concurrent use.
type Providers struct {
	domains map[string]string // by domain, or by "hotmail."
	hosts   map[string]string
}

// NewProviders names every fault of the list.
func NewProviders(list []MailProvider) (*Providers, error) {
	p := &Providers{map[string]string{}, map[string]string{}}
	var faults []error
	add := func(to map[string]string, name, key string) {
		if key == "" || key != strings.ToLower(key) {
			faults = append(faults, fmt.Errorf("provider %q: %q: want a name in lower case", name, key))
		}
		if other, ok := to[key]; ok {
			faults = append(faults, fmt.Errorf("provider %q: %q is that of %q already", name, key, other))
		}
		to[key] = name
	}
	for _, provider := range list {
		if provider.Name == "" || len(provider.Domains)+len(provider.Hosts) == 0 {
			faults = append(faults, fmt.Errorf("provider %q: want a name, and domains or hosts", provider.Name))
		}
		for _, d := range provider.Domains {
			add(p.domains, provider.Name, strings.TrimSuffix(d, "*"))
		}
		for _, h := range provider.Hosts {
			add(p.hosts, provider.Name, h)
		}
	}
	return p, errors.Join(faults...)
}

// OfDomain returns who runs the mailboxes of a recipient's domain, "" if the
// domain alone does not say.
func (p *Providers) OfDomain(domain string) string {
	if p == nil {
		return ""
	}
	domain = strings.TrimSuffix(strings.ToLower(domain), ".")
	if name, ok := p.domains[domain]; ok {
		return name
	}
	if i := strings.IndexByte(domain, '.'); i > 0 && strings.Count(domain[i:], ".") <= 2 {
		return p.domains[domain[:i+1]]
	}
	return ""
}

// OfHost returns who runs a mail exchanger, "" if nobody known does.
func (p *Providers) OfHost(host string) string {
	if p == nil {
		return ""
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	for host != "" {
		if name, ok := p.hosts[host]; ok {
			return name
		}
		_, above, ok := strings.Cut(host, ".")
		if !ok {
			return ""
		}
		host = above
	}
	return ""
}

// providerOf returns who runs the mailbox that an event is about: by the domain
// of the recipient, else by the host that answered, else by those that the site
// names, which says where a message would have gone that reached nobody. What
// none of them knows has the name that the MTA's policy gives it.
func providerOf(e *EmailEvent, p *Providers) string {
	recipient, host := e.Recipient, e.PeerName
	switch {
	case e.Type == Rejection: // somebody else's mail, to us
		return ""
	case e.Type == Feedback:
		recipient, host = "", ""
		if e.Original != nil && len(e.Original.Recipients) > 0 {
			recipient = e.Original.Recipients[0]
		}
		if e.Report != nil {
			host = e.Report.Host
		}
	case e.Type == Reception || e.Type == XferIn: // the peer is who handed it in
		host = ""
	}
	if name := p.OfDomain(domainOf(recipient)); name != "" {
		return name
	}
	if name := p.OfHost(host); name != "" {
		return name
	}
	if name := p.OfHost(siteHost(e.Site)); name != "" {
		return name
	}
	return strings.ToLower(e.ProviderName)
}

func domainOf(address string) string {
	return address[strings.LastIndexByte(address, '@')+1:]
}

// siteHost returns the host of a ready queue's name, `source->mx@smtp_client`,
// whose mx may be a pattern of several hosts with one end:
// "(alt1|alt2)?.gmail-smtp-in.l.google.com" (kumomta.md, section 1.1).
func siteHost(site string) string {
	_, mx, ok := strings.Cut(site, "->")
	if !ok {
		return ""
	}
	mx, _, _ = strings.Cut(mx, "@")
	if i := strings.LastIndexAny(mx, ")?|"); i >= 0 {
		mx = mx[i+1:]
	}
	return strings.Trim(mx, ".")
}
