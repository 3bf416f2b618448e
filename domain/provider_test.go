package domain_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
)

func someProviders(t testing.TB) *domain.Providers {
	t.Helper()
	p, err := domain.NewProviders([]domain.MailProvider{
		{Name: "google", Domains: []string{"gmail.com"}, Hosts: []string{"google.com", "googlemail.com"}},
		{Name: "microsoft-consumer", Domains: []string{"hotmail.*", "live.com"}, Hosts: []string{"olc.protection.outlook.com"}},
		{Name: "microsoft-365", Hosts: []string{"protection.outlook.com"}},
		{Name: "yahoo", Domains: []string{"yahoo.*"}, Hosts: []string{"yahoodns.net"}},
		{Name: "yahoo-japan", Domains: []string{"yahoo.co.jp"}},
		{Name: "spectrum", Domains: []string{"*.rr.com"}},
		{Name: "one-host", Hosts: []string{"mx.example.com"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProviderOfARecipientDomain(t *testing.T) {
	cases := []struct{ domain, want string }{
		{"gmail.com", "google"},
		{"GMail.COM.", "google"},
		{"mail.gmail.com", ""},
		{"notgmail.com", ""},
		{"hotmail.com", "microsoft-consumer"},
		{"hotmail.de", "microsoft-consumer"},
		{"Hotmail.CO.uk", "microsoft-consumer"},
		{"hotmail.com.br", "microsoft-consumer"},
		{"hotmail.example.com", ""},
		{"hotmail.example.de", ""},
		{"hotmail.co.com", ""},
		{"hotmail.co.uk.example.com", ""},
		{"my.hotmail.com", ""},
		{"hotmail", ""},
		{"hotmail.", ""},
		{"hotmail..", ""},
		{"hotmail.co.", "microsoft-consumer"}, // a top level domain with its final dot
		{"live.com", "microsoft-consumer"},
		{"live.example.com", ""},
		{"live.de", ""},
		{"yahoo.co.in", "yahoo"},
		{"yahoo.co.jp", "yahoo-japan"},
		{"tampabay.rr.com", "spectrum"},
		{"mail.TampaBay.RR.com", "spectrum"},
		{"rr.com", ""},
		{"rrr.com", ""},
		{"", ""},
		{".", ""},
		{strings.Repeat("a.", 200) + "rr.com", ""},
	}
	p := someProviders(t)
	for _, c := range cases {
		if got := p.OfDomain(c.domain); got != c.want {
			t.Errorf("%q: got %q, want %q", c.domain, got, c.want)
		}
	}
}

func TestProviderOfAHostIsThatOfTheLongestName(t *testing.T) {
	cases := []struct{ host, want string }{
		{"aspmx.l.google.com", "google"},
		{"ASPMX.L.GOOGLE.COM.", "google"},
		{"google.com", "google"},
		{"notgoogle.com", ""},
		{"google.com.example.org", ""},
		{"example-com.mail.protection.outlook.com", "microsoft-365"},
		{"hotmail-com.olc.protection.outlook.com", "microsoft-consumer"},
		{"mx.example.com", "one-host"},
		{"mx2.example.com", ""},
		{"192.0.2.1", ""},
		{"2001:db8::1", ""},
		{"", ""},
		{strings.Repeat("a.", 200) + "google.com", ""},
	}
	p := someProviders(t)
	for _, c := range cases {
		if got := p.OfHost(c.host); got != c.want {
			t.Errorf("%q: got %q, want %q", c.host, got, c.want)
		}
	}
}

// The names are as KumoMTA makes them of MX hosts (kumomta.md, section 1.1).
func TestProviderOfASiteIsThatOfTheHostTriedFirst(t *testing.T) {
	cases := []struct{ site, want string }{
		{"ip-1->(alt1|alt2|alt3|alt4)?.gmail-smtp-in.l.google.com@smtp_client", "google"},
		{"ip-1->(alt1|alt2)?.aspmx?.(l|aspmx2|aspmx3).(google|googlemail).com@smtp_client", "google"},
		{"ip-1->(mta5|mta6|mta7).am0.yahoodns.net@smtp_client", "yahoo"},
		{"ip-1->(mta5|mta6|mta7).AM0.yahooDNS.net@smtp_client", "yahoo"},
		{"ip-1->outlook-com.olc.protection.outlook.com@smtp_client", "microsoft-consumer"},
		{"ip-1->(example-com|mx-biz).mail.(protection|am0).(outlook|yahoodns).(com|net)@smtp_client", "microsoft-365"},
		{"ip-1->(mx-biz|example-com).mail.(am0|protection).(yahoodns|outlook).(net|com)@smtp_client", "yahoo"},
		{"ip-1->(mx|backup).example.com@smtp_client", "one-host"},
		{"ip-1->(backup|mx).example.com@smtp_client", ""},
		{"ip-1->(mx1|mx2).example.com@smtp_client", ""},
		{"ip-1->(a|b)?.(c|d)?@smtp_client", ""},
		{"unspecified->aspmx.l.google.com@smtp_client", "google"},
		{"ip-1->aspmx.l.google.com@lua:make.custom", "google"},
		{"ip-1->aspmx.l.google.com", "google"},
		{"ip-1->[192.0.2.1]@smtp_client", ""},
		{"ip-1->2001:db8::1@smtp_client", ""},
		{"ip-1->webhook.log_hook@lua:make.webhook.log_hook", ""},
		{"ip-1->@smtp_client", ""},
		{"ip-1->...@smtp_client", ""},
		{"ip-1->(((@smtp_client", ""},
		{"aspmx.l.google.com@smtp_client", ""},
		{"localhost", ""},
		{"", ""},
		{"ip-1->" + strings.Repeat("a", 260) + ".google.com@smtp_client", ""},
		{"ip-1->" + strings.Repeat("a.", 140) + "google.com@smtp_client", ""},
	}
	p := someProviders(t)
	for _, c := range cases {
		if got := p.OfSite(c.site); got != c.want {
			t.Errorf("%q: got %q, want %q", c.site, got, c.want)
		}
	}
}

func TestSitesOfOneHostHaveItsProvider(t *testing.T) {
	p := someProviders(t)
	hosts := rapid.OneOf(
		rapid.StringMatching(`([a-z0-9-]{1,8}\.){0,3}(google\.com|yahoodns\.net|olc\.protection\.outlook\.com|example\.com)`),
		rapid.StringMatching(`[A-Za-z0-9.\[\]:-]{0,40}`),
	)
	rapid.Check(t, func(t *rapid.T) {
		host := hosts.Draw(t, "host")
		same(t, p.OfSite("source->"+host+"@smtp_client"), p.OfHost(host))
	})
}

func TestNoTextBreaksTheLookUps(t *testing.T) {
	p := someProviders(t)
	texts := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a.()|?@>-]{0,300}`))
	rapid.Check(t, func(t *rapid.T) {
		text := texts.Draw(t, "text")
		if of := p.OfDomain(text) + p.OfHost(text) + p.OfSite("a->"+text) + p.OfSite(text); of != "" {
			t.Fatalf("%q is of %q", text, of)
		}
	})
}

func TestProviderOfAnEvent(t *testing.T) {
	const site = "ip-1->(mta5|mta6).am0.yahoodns.net@smtp_client"
	hosted := domain.EmailEvent{Type: domain.Delivery, Recipient: "ann@example.org", PeerName: "aspmx.l.google.com", Site: site}
	of := func(r domain.EventType, change func(*domain.EmailEvent)) domain.EmailEvent {
		e := hosted
		e.Type = r
		change(&e)
		return e
	}
	cases := []struct {
		name  string
		event domain.EmailEvent
		want  string
	}{
		{"a custom domain counts to its host", hosted, "google"},
		{"a known domain comes before the host", of(domain.Delivery, func(e *domain.EmailEvent) { e.Recipient = "Ann@GMX@Hotmail.COM" }), "microsoft-consumer"},
		{"a host before the site", of(domain.Bounce, func(e *domain.EmailEvent) {}), "google"},
		{"the site where no host answered", of(domain.TransientFailure, func(e *domain.EmailEvent) { e.PeerName = "" }), "yahoo"},
		{"the peer of a reception is the client", of(domain.Reception, func(e *domain.EmailEvent) { e.Site = "" }), ""},
		{"the peer of a transfer is the other node", of(domain.XferIn, func(e *domain.EmailEvent) { e.Site = "" }), ""},
		{"a rejected message is not for a provider", of(domain.Rejection, func(e *domain.EmailEvent) { e.Recipient = "ann@gmail.com" }), ""},
		{"the policy's name where nobody is known", of(domain.Delivery, func(e *domain.EmailEvent) {
			e.PeerName, e.Site, e.ProviderName = "mx.example.org", "", "Example"
		}), "example"},
		{"a name without @ is no domain", of(domain.Reception, func(e *domain.EmailEvent) { e.Recipient, e.Site = "gmail.com", "" }), ""},
		{"a bounce report's recipient", of(domain.OOB, func(e *domain.EmailEvent) { e.Recipient = "ann@yahoo.fr" }), "yahoo"},
		{"a bounce report's host", of(domain.OOB, func(e *domain.EmailEvent) { e.Site = "" }), "google"},
		{"a complaint's host, not who forwarded it to us", of(domain.Feedback, func(e *domain.EmailEvent) {
			e.Recipient, e.Site, e.Report = "fbl@gmail.com", "", &domain.Report{Host: "mail.yahoodns.net"}
		}), "yahoo"},
		{"a complaint's original recipient before its host", of(domain.Feedback, func(e *domain.EmailEvent) {
			e.Report = &domain.Report{
				Host: "mail.yahoodns.net", Recipients: []string{"ann@gmail.com"},
				References: []domain.Reference{{By: domain.TieTrace, MessageID: aMessage}},
			}
		}), "google"},
	}
	i := domain.NewInterpreter(nil, someProviders(t), nil)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			i.Interpret(&c.event)
			same(t, c.event.Provider, c.want)
		})
	}
}

func TestLookUpsOfProvidersDoNotAllocate(t *testing.T) {
	p := someProviders(t)
	allocated := testing.AllocsPerRun(100, func() {
		p.OfDomain("Ann.Example.ORG")
		p.OfDomain("Hotmail.co.uk")
		p.OfHost("Example-com.mail.protection.outlook.com")
		p.OfSite("ip-1->(Alt1|alt2|alt3|alt4)?.gmail-smtp-in.l.google.com@smtp_client")
	})
	if allocated != 0 {
		t.Errorf("%v allocations", allocated)
	}
}

func TestProvidersOfNothingKnowNobody(t *testing.T) {
	var none *domain.Providers
	if of := none.OfDomain("gmail.com") + none.OfHost("aspmx.l.google.com") + none.OfSite("a->aspmx.l.google.com@smtp_client"); of != "" {
		t.Errorf("got %q", of)
	}
}

func TestNewProvidersNamesEveryFault(t *testing.T) {
	_, err := domain.NewProviders([]domain.MailProvider{
		{Name: "Big Mail", Hosts: []string{"a.example"}},
		{Name: "", Hosts: []string{"b.example"}},
		{Name: "nowhere"},
		{Name: "first", Domains: []string{"example.com", "brand.*", "*.example.net"}, Hosts: []string{"mx.example.com"}},
		{Name: "second", Domains: []string{"example.com", "brand.*", "*.example.net"}, Hosts: []string{"mx.example.com"}},
		{Name: "second", Hosts: []string{"c.example"}},
		{Name: "wrong", Domains: []string{"Example.org", "two.words.*", "*", "a.*.b", "a@b.example", "dot.example.", ""}, Hosts: []string{"*.host.example", ""}},
	})
	if err == nil {
		t.Fatal("no fault found")
	}
	for _, want := range []string{
		`provider 1 ("Big Mail"): want a name of lower case words with dashes`,
		`provider 2 (""): want a name`,
		`provider 3 ("nowhere"): want domains or hosts`,
		`provider 5 ("second"): "example.com" is that of "first" already`,
		`"brand.*" is that of "first" already`,
		`"*.example.net" is that of "first" already`,
		`"mx.example.com" is that of "first" already`,
		`provider 6 ("second"): it is there twice`,
		`"Example.org": want a domain in lower case`,
		`"two.words.*": want`, `"*": want`, `"a.*.b": want`, `"a@b.example": want`, `"dot.example.": want`,
		`"": want a domain`, `"*.host.example": want`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %s in\n%s", want, err)
		}
	}
	if strings.Contains(err.Error(), "provider 4") {
		t.Errorf("a provider without fault is named:\n%s", err)
	}
}
