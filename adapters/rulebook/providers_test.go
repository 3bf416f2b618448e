package rulebook

import (
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/domain"
)

// ownersWithoutMail are those whose wordings the rules know and who take no mail
// themselves: blocklists, filters inside others' servers, and servers.
var ownersWithoutMail = map[string]bool{
	"abusix": true, "backscatterer": true, "blocklist-de": true, "dronebl": true, "hostkarma": true,
	"interserver": true, "invaluement": true, "mailspike": true, "nixspam": true, "psbl": true, "sorbs": true,
	"spamcop": true, "spamhaus": true, "spamrats": true, "spfbl": true, "surbl": true, "truncate": true,
	"uceprotect": true, "uribl": true, "validity": true, "wpbl": true, "zerospam": true,

	"cyren": true, "eset": true, "postgrey": true, "rspamd": true, "spamassassin": true,

	"communigate": true, "cpanel": true, "domino": true, "dovecot": true, "exim": true, "haraka": true,
	"intermail": true, "kerio": true, "kumomta": true, "mailcow": true, "mailenable": true, "mdaemon": true,
	"microsoft-exchange": true, "plesk": true, "postfix": true, "qmail": true, "sendmail": true,
	"smartermail": true, "zimbra": true,

	"amazon-ses": true, // sends
	"postini":    true, // is no more
	"verizon":    true, // has its mailboxes at Yahoo
}

func TestOwnersOfRulesWhoTakeMailAreProviders(t *testing.T) {
	rules, err := Rules()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, p := range list(t) {
		known[p.Name] = true
		if ownersWithoutMail[p.Name] {
			t.Errorf("provider %q takes mail: remove it from ownersWithoutMail", p.Name)
		}
	}
	missing := map[string]string{}
	for _, r := range rules {
		if r.Of != "" && !known[r.Of] && !ownersWithoutMail[r.Of] {
			missing[r.Of] = r.Name
		}
	}
	for of, rule := range missing {
		t.Errorf("rule %q is of %q, whom providers.toml does not know: give the rule the provider's name there, "+
			"add the provider, or name it in ownersWithoutMail if no mail exchanger is its own", rule, of)
	}
}

func TestProvidersAreManyWithTitles(t *testing.T) {
	all := list(t)
	titles := map[string]string{}
	for _, p := range all {
		if p.Title == "" || titles[p.Title] != "" {
			t.Errorf("%s: title %q, which is also that of %q", p.Name, p.Title, titles[p.Title])
		}
		titles[p.Title] = p.Name
	}
	if len(all) < 60 {
		t.Errorf("%d providers", len(all))
	}
}

func TestEveryDomainAndHostIsFoundByItsOwnProvider(t *testing.T) {
	p := providers(t)
	for _, of := range list(t) {
		for _, d := range of.Domains {
			name := strings.Replace(strings.TrimPrefix(d, "*."), ".*", ".com", 1)
			if strings.HasPrefix(d, "*.") {
				name = "x." + name
			}
			if got := p.OfDomain(strings.ToUpper(name)); got != of.Name {
				t.Errorf("%s of %s is of %q", d, of.Name, got)
			}
		}
		for _, h := range of.Hosts {
			if got := p.OfHost("x-1." + h + "."); got != of.Name {
				t.Errorf("%s of %s is of %q", h, of.Name, got)
			}
			if got := p.OfSite("source->(a|b)?." + h + "@smtp_client"); got != of.Name {
				t.Errorf("%s of %s is of %q as a site", h, of.Name, got)
			}
		}
	}
}

func TestProvidersOfDomainsAsTheyAre(t *testing.T) {
	p := providers(t)
	for of, domains := range map[string]string{
		"google":             "gmail.com googlemail.com",
		"microsoft-consumer": "hotmail.com hotmail.co.uk hotmail.fr hotmail.com.tr outlook.com outlook.de live.nl live.com.mx msn.com",
		"yahoo":              "yahoo.com yahoo.co.uk yahoo.com.br yahoo.de yahoo.co.in ymail.com aol.com aol.de aim.com verizon.net",
		"yahoo-japan":        "yahoo.co.jp",
		"apple":              "icloud.com me.com mac.com",
		"gmx":                "gmx.de gmx.net gmx.at web.de mail.com",
		"proton":             "proton.me protonmail.com pm.me",
		"t-online":           "t-online.de",
		"mail-ru":            "mail.ru inbox.ru list.ru bk.ru",
		"yandex":             "yandex.ru yandex.com.tr ya.ru",
		"tencent":            "qq.com foxmail.com",
		"netease":            "163.com 126.com yeah.net",
		"orange":             "orange.fr wanadoo.fr",
		"libero":             "libero.it virgilio.it",
		"comcast":            "comcast.net",
		"att":                "att.net sbcglobal.net bellsouth.net",
		"spectrum":           "charter.net tampabay.rr.com rr.com",
		// Other people's, however alike.
		"": "example.com live.example.com outlook.example.com mail.gmail.com gmx.io live.tv outlook.studio " +
			"hotmail.example.com yahoo.example.co.uk mygmail.com gmail.co",
	} {
		for d := range strings.FieldsSeq(domains) {
			if got := p.OfDomain(d); got != of {
				t.Errorf("%s: got %q, want %q", d, got, of)
			}
		}
	}
}

func TestHostedDomainsCountToTheirHost(t *testing.T) {
	p := providers(t)
	for of, hosts := range map[string]string{
		"google":             "aspmx.l.google.com alt4.gmail-smtp-in.l.google.com smtp.google.com aspmx2.googlemail.com",
		"microsoft-365":      "example-com.mail.protection.outlook.com example-com.n-v1.mx.microsoft BYAPR01MB1234.namprd01.prod.outlook.com",
		"microsoft-consumer": "outlook-com.olc.protection.outlook.com eur.olc.protection.outlook.com",
		"yahoo":              "mta7.am0.yahoodns.net mx-aol.mail.gm0.yahoodns.net mx-rogers.mail.am0.yahoodns.net",
		"apple":              "mx01.mail.icloud.com",
		"gmx":                "mx00.emig.gmx.net mx-ha02.web.de mx00.mail.com",
		"t-online":           "mx03.t-online.de",
		"ionos":              "mx00.ionos.de mx01.1and1.com mx00.kundenserver.de",
		"strato":             "smtpin.rzone.de",
		"zoho":               "mx2.zoho.eu smtpin3.zoho.com",
		"fastmail":           "in1-smtp.messagingengine.com",
		"proton":             "mailsec.protonmail.ch",
		"ovh":                "mx3.mail.ovh.net mx1.ovh.net",
		"mail-ru":            "emx.mail.ru mxs.mail.ru",
		"yandex":             "mx.yandex.net",
		"tencent":            "mxbiz1.qq.com mx3.qq.com",
		"netease":            "163mx01.mxmail.netease.com qiye163mx01.mxmail.netease.com",
		"att":                "al-ip4-mx-vip1.prodigy.net",
		"cox":                "cxr.mx.a.cloudfilter.net",
		"cloudmark":          "eir-01.mx.a.cloudfilter.net",
		"virgin-media":       "mx.mnd.ukmail.iss.as9143.net",
		"bt":                 "mx.bt.prod.cloud.openwave.ai",
		"cloudflare":         "route1.mx.cloudflare.net",
		"proofpoint":         "mxa-00360101.gslb.pphosted.com mx1-us1.ppe-hosted.com",
		"mimecast":           "eu-smtp-inbound-1.mimecast.com za-smtp-inbound-1.mimecast.co.za",
		"barracuda":          "d1234a.ess.barracudanetworks.com",
		"cisco":              "mx1.hc1234-56.eu.iphmx.com",
		"sophos":             "mx-01-eu-central-1.prod.hydra.sophos.com",
		"trend-micro":        "example-com.in.tmes.trendmicro.eu",
		"symantec":           "cluster5.eu.messagelabs.com",
		"hornetsecurity":     "mx01.hornetsecurity.com mx23b.antispameurope.com",
		"amazon":             "inbound-smtp.eu-west-1.amazonaws.com",
		"":                   "mail.example.com ec2-192-0-2-1.compute-1.amazonaws.com vps-1234.vps.ovh.net 192.0.2.1",
	} {
		for h := range strings.FieldsSeq(hosts) {
			if got := p.OfHost(h); got != of {
				t.Errorf("%s: got %q, want %q", h, got, of)
			}
		}
	}
}

func TestProvidersWithAnUnknownKeyAreRefused(t *testing.T) {
	for _, text := range []string{
		"[[provider]]\nname = \"a\"\ndomain = [\"a.example\"]",
		"[[providers]]\nname = \"a\"",
		"[[provider]]\nname = \"a\"\nhosts = \"mx.a.example\"",
		"[[provider]]\nname = ",
	} {
		if _, err := mailProviders([]byte(text)); err == nil || !strings.Contains(err.Error(), "providers.toml") {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

// BenchmarkProviders looks up what deliveries ask for: the recipient's domain,
// and the host or the site where that alone does not say.
func BenchmarkProviders(b *testing.B) {
	p := providers(b)
	cases := []struct{ name, domain, host, site string }{
		{"domain", "gmail.com", "", ""},
		{"mixed case", "Gmail.Com", "", ""},
		{"country", "hotmail.co.uk", "", ""},
		{"custom domain, host", "example.com", "example-com.mail.protection.outlook.com", ""},
		{"custom domain, site", "example.com", "", "ip-1->(alt1|alt2|alt3|alt4)?.aspmx.l.google.com@smtp_client"},
		{"nobody known", "mail.example.com", "mx1.mail.example.com", "ip-1->(mx1|mx2).mail.example.com@smtp_client"},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if p.OfDomain(c.domain) == "" && p.OfHost(c.host) == "" {
					p.OfSite(c.site)
				}
			}
		})
	}
}

func list(t testing.TB) []domain.MailProvider {
	t.Helper()
	all, err := MailProviders()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func providers(t testing.TB) *domain.Providers {
	t.Helper()
	p, err := Providers()
	if err != nil {
		t.Fatal(err)
	}
	return p
}
