package policy

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/kumotrail/kumotrail/domain"
)

// Validate returns all faults, joined, or nil. Each names the field.
func (o Options) Validate() error {
	o = o.withDefaults()
	var f faults
	switch {
	case !release.MatchString(o.Version):
		f.add("Version", "%q is not a release as in %s", o.Version, Newest)
	case !has(o.Version, Oldest):
		f.add("Version", "%s is before %s, which is the first whose hooks send batches", o.Version, Oldest)
	}
	f.url("WebhookURL", o.WebhookURL)
	for _, name := range o.SkipEvents {
		if domain.EventTypeOfRecord(name) == domain.Unknown {
			f.add("SkipEvents", "%q is not a type of records as in Delayed", name)
		}
	}
	o.validateFiles(&f)
	o.validateListeners(&f)
	o.validateEgress(&f)
	return errors.Join(f...)
}

func (o *Options) validateFiles(f *faults) {
	for _, file := range []struct{ field, name string }{
		{"KeyFile", o.KeyFile},
		{"VERPKeyFile", o.VERPKeyFile},
		{"TLSCertificate", o.TLSCertificate},
		{"TLSPrivateKey", o.TLSPrivateKey},
		{"SMTPUsersFile", o.SMTPUsersFile},
		{"SmartHostPasswordFile", o.SmartHostPasswordFile},
		{"HTTPDeliveryKeyFile", o.HTTPDeliveryKeyFile},
		{"RedisFile", o.RedisFile},
		{"AMQPFile", o.AMQPFile},
	} {
		if file.name != "" && (!path.IsAbs(file.name) || hasControls(file.name)) {
			f.add(file.field, "%q is not an absolute path", file.name)
		}
	}
}

func (o *Options) validateListeners(f *faults) {
	f.domains("Hostname", o.Hostname)
	f.domains("BounceDomains", o.BounceDomains...)
	f.domains("FBLDomains", o.FBLDomains...)
	f.together("TLSCertificate", o.TLSCertificate, "TLSPrivateKey", o.TLSPrivateKey)
	for _, host := range o.TrustedHosts {
		network, err := netip.ParsePrefix(host)
		switch _, notAddress := netip.ParseAddr(host); {
		case notAddress == nil:
		case err != nil:
			f.add("TrustedHosts", "%q is not an address or a network as in 192.0.2.0/24", host)
		case network != network.Masked(): // KumoMTA refuses it
			f.add("TrustedHosts", "%s has bits outside its mask: write %s", host, network.Masked())
		}
	}
}

func (o *Options) validateEgress(f *faults) {
	for _, address := range o.EgressAddresses {
		if _, err := netip.ParseAddr(address); err != nil {
			f.add("EgressAddresses", "%q is not an IP address", address)
		}
	}
	for _, server := range []struct{ field, address string }{
		{"Sink", o.Sink}, {"HAProxy", o.HAProxy}, {"SOCKS5", o.SOCKS5}, {"SmartHost", o.SmartHost},
	} {
		f.hostPort(server.field, server.address)
	}
	if o.HAProxy != "" && o.SOCKS5 != "" {
		f.add("SOCKS5", "is set beside HAProxy: a source has one proxy; edit sources.toml for several")
	}
	if host, _, _ := net.SplitHostPort(o.HAProxy + o.SOCKS5); literal(host) == host && host != "" && !has(o.Version, "2026.09.22") {
		f.add("HAProxy, SOCKS5", "need an IP address: KumoMTA resolves no names of proxies before 2026.09.22")
	}
	if o.HAProxy+o.SOCKS5 != "" && len(o.EgressAddresses) == 0 {
		f.add("EgressAddresses", "are needed for a proxy: those of its machine that mail is sent from")
	}
	f.together("SmartHostUser", o.SmartHostUser, "SmartHostPasswordFile", o.SmartHostPasswordFile)
	if o.SmartHostUser != "" && o.SmartHost == "" {
		f.add("SmartHostUser", "is set without SmartHost")
	}
	if hasControls(o.SmartHostUser + o.AMQPExchange + o.AMQPRoutingKey) {
		f.add("SmartHostUser, AMQPExchange, AMQPRoutingKey", "have control characters")
	}
	f.together("HTTPDeliveryDomain", o.HTTPDeliveryDomain, "HTTPDeliveryURL", o.HTTPDeliveryURL)
	f.domains("HTTPDeliveryDomain", o.HTTPDeliveryDomain)
	if o.HTTPDeliveryURL != "" {
		f.url("HTTPDeliveryURL", o.HTTPDeliveryURL)
	}
}

// faults are errors that begin with a field's name.
type faults []error

func (f *faults) add(field, format string, args ...any) {
	*f = append(*f, fmt.Errorf("%s: "+format, append([]any{field}, args...)...))
}

// together adds a fault where one of two has a value.
func (f *faults) together(field, value, other, otherValue string) {
	if (value == "") != (otherValue == "") {
		f.add(field+" and "+other, "are needed together")
	}
}

// hostName is a domain name as DNS and mail have them, in ASCII.
var hostName = regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

func (f *faults) domains(field string, names ...string) {
	for _, name := range names {
		if name != "" && (len(name) > 253 || !hostName.MatchString(name)) {
			f.add(field, "%q is not a domain name", name)
		}
	}
}

func (f *faults) hostPort(field, address string) {
	if address == "" {
		return
	}
	host, port, err := net.SplitHostPort(address)
	n, notNumber := strconv.ParseUint(port, 10, 16)
	_, notAddress := netip.ParseAddr(host)
	if err != nil || notNumber != nil || n == 0 || notAddress != nil && !hostName.MatchString(host) {
		f.add(field, "%q is not a host and port as in mx.example.com:25", address)
	}
}

// url does not show the address, which may have a password.
func (f *faults) url(field, address string) {
	u, err := url.Parse(address)
	switch {
	case address == "":
		f.add(field, "is not set")
	case err != nil || hasControls(address) || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		f.add(field, "is not an address as in https://example.com")
	case u.User != nil:
		f.add(field, "has a password: policy files hold no secrets")
	}
}

func hasControls(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' })
}
