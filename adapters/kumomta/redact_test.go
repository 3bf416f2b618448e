package kumomta

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/domain"
)

// secrets are what a client sends when it logs in: the blob of AUTH PLAIN, the
// answers of AUTH LOGIN, and a password in the wrong place.
var secrets = []string{
	"AGFubkBleGFtcGxlLmNvbQBjb3JyZWN0IGhvcnNl", "Y29ycmVjdCBob3JzZQ==", "correct-horse-battery", `p"w\\with,odd}]chars`, "pwd with blanks",
}

// commandsOf are ways in which a client's line holds a secret.
func commandsOf(secret string) []string {
	return []string{secret, secret + "\r\n", "AUTH PLAIN " + secret + "\r\n", "auth login " + secret, " AUTH\tPLAIN\t" + secret, "AUTHX " + secret}
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// holds says whether any field of what a text became has the secret, as it is or
// in the spelling of a JSON string.
func holds(d decoded, secret string) bool {
	if i := strings.IndexAny(secret, `"\ `); i > 0 {
		secret = secret[i+1:] // the rest alone is too much
	}
	b, err := json.Marshal(d)
	inner := strings.Trim(quoted(secret), `"`)
	return err != nil || strings.Contains(string(b), secret) || strings.Contains(string(b), inner)
}

// Case 21.
func TestSecretsAreInNoEvent(t *testing.T) {
	for _, secret := range secrets {
		for _, command := range commandsOf(secret) {
			nested := aRejection(quoted(command))
			for _, record := range []string{
				nested,
				aRejection(`"EHLO x\r\n"`, `"meta":{"log_record":`+nested+`}`),
				aRejection(`"AUTH"`, `"meta":{"log_record":`+nested+`}`),
				aRecord(1, `"meta":{"log_record":`+nested+`}`),
				aRecord(1, `"meta":{"deep":[{"er":`+nested+`}]}`),
				aRecord(1, `"meta":{"tenant":`+nested+`}`),
				aRecord(1, `"headers":{"X-Email-Log-ID":[`+nested+`]}`),
				aRecord(1, `"bounce_classification":[`+nested+`]`),
				aRecord(1, `"meta":{"as text":`+quoted(nested)+`}`),
				aRecord(1, `"meta":{"as text":`+quoted(quoted(nested))+`}`),
				aRecord(1, `"not_known_yet":`+nested),
				aRecord(1, `"response":{"code":250,"more":`+nested+`}`),
				aRecord(1, `"peer_address":{"more":`+nested+`}`),
				aRejection(quoted(command) + `,"command":"EHLO x"`),
				strings.Replace(nested, "Rejection", "RejectionOfTomorrow", 1),
				strings.Replace(nested, `"command"`, `"\u0063omm\u0061nd"`, 1),
			} {
				d := decode(record)
				if len(d.Events) != 1 || len(d.Rejects) != 0 {
					t.Fatalf("%s: rejects %v", record, d.Rejects)
				}
				if holds(d, secret) {
					t.Errorf("%s\nis kept as %s", record, d.Events[0].Raw)
				}
				if !json.Valid([]byte(d.Events[0].Raw)) {
					t.Errorf("not JSON: %s", d.Events[0].Raw)
				}
			}
		}
	}
}

func TestSecretsAreInNoReject(t *testing.T) {
	for _, secret := range secrets {
		for _, command := range commandsOf(secret) {
			whole := aRejection(quoted(command))
			value := strings.Index(whole, `"command":`) + len(`"command":"`)
			for name, bad := range map[string]string{
				"no type":               strings.Replace(whole, `"type"`, `"kind"`, 1),
				"no type, escaped name": strings.Replace(strings.Replace(whole, `"type"`, `"kind"`, 1), `"command"`, `"c\u006fmmand"`, 1),
				"list":                  aRejection(`[` + quoted(command) + `]`),
				"object":                aRejection(`{"line":` + quoted(command) + `}`),
				"wrong kind":            aRejection(quoted(command), `"sender":7`),
				"comma too many":        aRejection(quoted(command), ``),
				"missing colon":         strings.Replace(whole, `"type":`, `"type"`, 1),
				"missing brace":         strings.TrimSuffix(whole, "}}"),
				"blanks":                strings.Replace(strings.Replace(whole, `"command":`, `"command" : `, 1), "{", "{,", 1),
				"raw control":           strings.Replace(whole, "535", "5\t35\x00", 1),
				"cut behind":            whole[:len(whole)-2],
				"cut in the secret":     whole[:value+len(quoted(command))*2/3],
				"JSON in a string":      `{"line":` + quoted(whole) + `}`,
				"JSON in it twice":      `{"line":` + quoted(quoted(whole)),
				"JSON in it, cut":       quoted(whole)[:len(quoted(whole))*3/4],
				"too deep":              aRejection(quoted(command), `"x":`+strings.Repeat("[", 70)+strings.Repeat("]", 70)),
				"nested":                `{"type":"Rejection","meta":{"log_record":` + whole + `}`,
			} {
				for _, body := range []string{bad, aRecord(1) + "\n" + bad, "[" + aRecord(1) + "," + bad + "," + aRecord(2) + "]"} {
					d := decode(body)
					if len(d.Rejects) == 0 {
						t.Errorf("%s: nothing was rejected of %s", name, body)
					}
					if holds(d, secret) {
						t.Errorf("%s: %s\nis kept as %q", name, body, d.Rejects[0].Raw)
					}
				}
			}
		}
	}
}

func TestASecretWithAQuoteThatIsNotEscapedIsInNoReject(t *testing.T) {
	for _, secret := range []string{`correct"horse`, `"horse`, `correct\horse`, `correct" horse`} {
		d := decode(aRecord(1) + "\n" + aRejection(`"`+secret+`\r\n"`))
		if b, _ := json.Marshal(d); len(d.Rejects) != 1 || strings.Contains(string(b), "horse") {
			t.Errorf("%s: rejects %q", secret, d.Rejects[0].Raw)
		}
	}
}

func TestLoginLinesInOtherTextAreRedacted(t *testing.T) {
	cases := []struct{ text, want string }{
		{"503 AUTH PLAIN AGFu done", "503 AUTH done"},
		{"auth LOGIN Y29y", "AUTH"},
		{"250-AUTH PLAIN LOGIN CRAM-MD5\r\n", "250-AUTH PLAIN LOGIN CRAM-MD5\r\n"},
		{"(AUTH PLAIN AGFu)\tx", "(AUTH\tx"},
		{"OAUTH TOKEN IS FINE", "OAUTH TOKEN IS FINE"},
		{"MAIL FROM:<a@b.c> AUTH=<>", "MAIL FROM:<a@b.c> AUTH=<>"},
		{"AUTH failed for you", "AUTH failed for you"}, {"AUTH SCRAM-SHA-256 biws", "AUTH"}, {"AUTH XOAUTH2  dXN=\"", "AUTH\""},
		{"AUTH", "AUTH"}, {"AUTH PLAIN", "AUTH PLAIN"}, {"AUTH PLAIN ", "AUTH PLAIN "}, {"", ""},
	}
	for _, c := range cases {
		same(t, redactLoosely(c.text), c.want)
	}
}

func TestRedactionMayMakeATextLonger(t *testing.T) {
	const short = `"command":"A",`
	same(t, redactLoosely(strings.Repeat(short, 100)), strings.Repeat(`"command":"AUTH",`, 100))
}

// Operators need the commands that are no secrets, the refused address first.
func TestOrdinaryCommandsStay(t *testing.T) {
	for _, command := range []string{
		"RCPT TO:<ann@example.com>", "rcpt to:<ann@example.com>", "MAIL FROM:<> SIZE=12", "EHLO client.example", "HELO", "DATA", ".", "STARTTLS", "BDAT 86 LAST",
	} {
		raw := aRejection(quoted(command + "\r\n"))
		e := one(t, raw)
		same(t, e.Response.Command, command)
		same(t, e.Raw, raw)

		bad := strings.TrimSuffix(raw, "}")
		same(t, decode(aRecord(1) + "\n" + bad).Rejects[0].Raw, bad)
		inString := `{"line":` + quoted(raw) + `}`
		same(t, decode(inString).Rejects[0].Raw, inString)
	}
}

func TestWhatWeSendIsASecretBehindAUTHOnly(t *testing.T) {
	send := func(command string) string {
		return one(t, aRecord(1, `"response":{"code":535,"command":`+quoted(command)+`}`)).Response.Command
	}
	same(t, send("AUTH PLAIN AGFu\r\n"), "AUTH")
	same(t, send("XSOMETHING 1\r\n"), "XSOMETHING 1")
}

func TestIDIsTheSameBeforeAndAfterRedaction(t *testing.T) {
	oldEra := strings.NewReplacer(`"event_time":"2026-07-25T17:20:00Z"`, `"timestamp":1785000000`)
	for _, secret := range secrets {
		for _, command := range commandsOf(secret) {
			for _, raw := range []string{aRejection(quoted(command)), oldEra.Replace(aRejection(quoted(command)))} {
				e := one(t, raw)
				if e.Raw == raw {
					t.Fatalf("not redacted: %s", raw)
				}
				same(t, one(t, e.Raw), e)
				same(t, e.Response.Command, "AUTH")
			}
		}
	}
}

func TestRedactionTakesNothingButTheSecret(t *testing.T) {
	raw := ` {"type" : "Rejection", "a":[1, 2.50], "event_time":"2026-07-25T17:20:00Z", "response":{"command":"AGFu\r\n" ,"code":535}}`
	same(t, one(t, raw).Raw, strings.TrimSpace(strings.Replace(raw, `AGFu\r\n`, "AUTH", 1)))
}

// What tells records apart must read the same when a record is read back.
func TestRedactionLeavesTheResponse(t *testing.T) {
	for _, content := range []string{"AUTH failed for you", "AUTH PLAIN AGFu", `unknown \"command\":\"x\"`} {
		raw := aRejection(`"AGFu\r\n"`, `"meta":{"log_record":{"command":"AGFu"}}`)
		e := one(t, strings.Replace(raw, "AUTH failed", content, 1))
		if !strings.Contains(e.Raw, content) {
			t.Errorf("%s is not in %s", content, e.Raw)
		}
		same(t, one(t, e.Raw), e)
	}
}

func TestSampleSecretsAreGone(t *testing.T) {
	for _, name := range []string{"modern.jsonl", "before-2025-10.jsonl", "modern-lua-array.json"} {
		redactions := 0
		for _, e := range decode(sample(t, name)).Events {
			if e.Type == domain.Rejection && e.Response.Command == "AUTH" {
				redactions++
				if !strings.Contains(e.Raw, `"command":"AUTH"`) {
					t.Errorf("%s: kept %s", name, e.Raw)
				}
			}
		}
		if want := strings.Count(sample(t, name), `"code":535`); redactions != want {
			t.Errorf("%s: %d redactions, want %d", name, redactions, want)
		}
	}
}
