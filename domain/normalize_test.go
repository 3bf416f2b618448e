package domain_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
)

// Responses as servers write them, with invented ids and addresses of
// documentation ranges.
var normalized = []struct{ name, text, want string }{
	{
		"Gmail",
		"The email account that you tried to reach does not exist. Please try double-checking the recipient's email address. For more information, go to https://support.google.com/mail/?p=NoSuchUser d9443c01a7336-1f4a2b3c4d5si123456.45 - gsmtp",
		"The email account that you tried to reach does not exist. Please try double-checking the recipient's email address. For more information, go to <url> <id> - gsmtp",
	},
	{
		"Gmail, lines with codes",
		"550-5.7.26 This mail has been blocked because the sender is unauthenticated.\r\n550 5.7.26 SPF [example.com] with ip: [192.0.2.1] = did not pass 5b1f17b1804b1-42cbc4e3c2dsi98.7 - gsmtp",
		"550-5.7.26 This mail has been blocked because the sender is unauthenticated. 550 5.7.26 SPF [<host>] with ip: [<ip>] = did not pass <id> - gsmtp",
	},
	{
		"Microsoft",
		"5.4.1 Recipient address rejected: Access denied. [AM6PR01MB1234.eurprd01.prod.outlook.com 2024-03-05T10:11:12.345Z 08DC3A1B2C3D4E5F]",
		"5.4.1 Recipient address rejected: Access denied. [<host> <date> <id>]",
	},
	{
		"Microsoft, blocked",
		"5.7.606 Access denied, banned sending IP [192.0.2.17]. To request removal from this list please visit https://sender.office.com/ and follow the directions. (AS16012609) [DB5EUR01FT020.eop-EUR01.prod.protection.outlook.com]",
		"5.7.606 Access denied, banned sending IP [<ip>]. To request removal from this list please visit <url> and follow the directions. (<id>) [<host>]",
	},
	{
		"Exchange",
		"5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient ann@example.com not found by SMTP address lookup",
		"5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient <address> not found by SMTP address lookup",
	},
	{
		"Yahoo",
		"4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes",
		"4.7.0 [TSS04] Messages from <ip> temporarily deferred due to unexpected volume or user complaints - <ip>; see <url>",
	},
	{
		"Postfix",
		"<ann@example.com>: Recipient address rejected: User unknown in virtual mailbox table (in reply to RCPT TO) 4Vb3Xk1Zq9z2Rt 3F1A27C0B9",
		"<address>: Recipient address rejected: User unknown in virtual mailbox table (in reply to RCPT TO) <id> <id>",
	},
	{
		"Exim",
		"id=1rT5Xk-0006Ab-7c from bob@example.org to <ann@example.com>: retry time not reached",
		"id=<id> from <address> to <address>: retry time not reached",
	},
	{
		"Amazon",
		"Message rejected. 0100018e1a2b3c4d-01234567-89ab-cdef-0123-456789abcdef-000000 (email-smtp.us-east-1.amazonaws.com)",
		"Message rejected. <id> (<host>)",
	},
	{
		"Spamhaus",
		"Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.1, and http://www.spamhaus.org/sbl/query/SBL123456.",
		"Service unavailable; Client host [<ip>] blocked using <host>; <url>, and <url>.",
	},
	{
		"Outlook.com",
		"5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150).",
		"5.7.1 Unfortunately, messages from [<ip>] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150).",
	},
	{"IPv6", "Our system has detected that 2001:db8::1:25 [2001:DB8:0:0:8:800:200C:417A] ::1 is bad: a::b", "Our system has detected that <ip> [<ip>] <ip> is bad: a::b"},
	{"numbers", "try again in 297 seconds, ticket #8842-1, 300s, 25MB, limit 100, 451 4.7.1", "try again in <number> seconds, ticket #<number>, <number>, <number>, limit <number>, 451 4.7.1"},
	{"dates", "Tue, 05 Mar 2024 10:11:12 +0100 (CET) Mar  5 10:11:12 Tue Mar  5 10:11:12 2024 2024-03-05 10:11:12.123 10:11:12Z", "<date> (CET) <date> <date> <date> <date>"},
	{"message id", "Message-ID <CAF=abc.123@mail.example.com> refused", "Message-ID <CAF=<address>> refused"},
	{"UUID", "incident f47ac10b-58cc-4372-a567-0e02b2c3d479", "incident <id>"},
	{"white space", "  a \r\n\t b\x00c  ", "a b c"},
	{"Chinese", "邮箱ann@example.com不存在，请访问http://example.cn/a?b=1。", "邮箱<address>不存在，请访问<url>。"},
	{"nothing", " \r\n", ""},
	{"placeholders", "<<number>> <ip>, <host>.", "<<number>> <ip>, <host>."},
}

func TestNormalizeResponseLeavesTheCause(t *testing.T) {
	for _, test := range normalized {
		if got := domain.NormalizeResponse(test.text); got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

func TestEqualCausesHaveEqualHashes(t *testing.T) {
	one := domain.ResponseHash("mailbox of ann@example.com is full (4Vb3Xk1Zq9z2Rt)")
	if one != domain.ResponseHash("mailbox of <bob@example.net>  is full (3F1A27C0B9)") {
		t.Error("hashes differ for another address and id")
	}
	if one == domain.ResponseHash("mailbox of ann@example.com is gone (4Vb3Xk1Zq9z2Rt)") {
		t.Error("hashes are equal for another cause")
	}
	if domain.ResponseHash("") != 0 || domain.ResponseHash(" \r\n") != 0 || one == 0 {
		t.Error("want 0 for an empty text and for no other")
	}
	// Stored by every release: it may never change.
	if got := domain.ResponseHash("User unknown"); got != 0xe0428088c174a6dc {
		t.Errorf("hash of a fixed text is %#x", got)
	}
}

func TestNormalizedTextIsCutAtAWord(t *testing.T) {
	long := strings.Repeat("word ", 200)
	if got := domain.NormalizeResponse(long); got != strings.TrimSpace(strings.Repeat("word ", 102)) {
		t.Errorf("%d bytes end with %q", len(got), got[len(got)-10:])
	}
	if got := domain.NormalizeResponse(strings.Repeat("存", 300)); got != strings.Repeat("存", 170) {
		t.Errorf("%d bytes", len(got))
	}
	if got := domain.NormalizeResponse(strings.Repeat("(a)", 300)); got != "<id>" {
		t.Errorf("a text of one word is %q", got)
	}
}

func TestNormalizingTwiceChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkNormalized(t, strings.Join(rapid.SliceOf(pieceOfText).Draw(t, "pieces"), ""))
	})
}

func FuzzNormalizeResponse(f *testing.F) {
	for _, test := range normalized {
		f.Add(test.text)
	}
	f.Add("abc1::zz9 a1:b2:c3::\xff<12>-2024-03-05T:: http://")
	f.Fuzz(func(t *testing.T, text string) { checkNormalized(t, text) })
}

func checkNormalized(t rapid.TB, text string) {
	once := domain.NormalizeResponse(text)
	if twice := domain.NormalizeResponse(once); twice != once {
		t.Fatalf("%q\n once %q\ntwice %q", text, once, twice)
	}
	if len(once) > 512 || !utf8.ValidString(once) {
		t.Fatalf("%q: %d bytes %q", text, len(once), once)
	}
	if domain.ResponseHash(text) != domain.ResponseHash(once) {
		t.Fatalf("%q: hash is not that of %q", text, once)
	}
}

// pieceOfText draws what normalising looks at, and what is nearly that.
var pieceOfText = rapid.OneOf(
	rapid.SampledFrom([]string{
		" ", "\r\n", ":", "::", ",", ".", "-", "<", ">", "(", "]", "@", "/", "'", "é", "存", "\xff", "\x00",
		"http://", "HTTPS://example.com/", "ann@example.com", "192.0.2.1", "2001:db8::", "abc", "abc1", "::1", "ffff",
		"mx.example.com", "QUEUE.Expired", "2024-03-05", "T", "10:11:12", "+0100", "Z", "Tue", ", ", "5", "Mar", "2024",
		"550", "550-", "5.1.1", "TSS04", "1rT5Xk-0006Ab-7c", "<id>", "<number>", "12345", "300s",
	}),
	rapid.StringOfN(rapid.RuneFrom([]rune("a1:.-@ <>T0fZ")), 0, 8, -1),
	rapid.StringOfN(rapid.RuneFrom([]rune("a1:.b")), 200, 600, -1),
)

func BenchmarkNormalizeResponse(b *testing.B) {
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		domain.ResponseHash(normalized[n%12].text)
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "responses/s")
}
