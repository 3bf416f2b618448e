package policy

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"
	"pgregory.net/rapid"
)

// odd are texts that would break out of a careless literal.
var odd = []string{
	"", "plain", `'`, `"`, `\`, `\'`, "]]", "[[x]]", "]=]", "--", "--]]", "a\nb", "a\r\nb", "\x00", "\x001", "\x7f",
	"'; os.execute('x') --", "${x}", "{{.Version}}", "naïve", "日本", "\u2028", "\xff\xfe", `\n`, "# no comment", "= 1\n[x]",
}

func TestLuaLiteralIsOneLineOfASCII(t *testing.T) {
	for _, text := range odd {
		literal := quoteLua(text)
		if strings.ContainsFunc(literal, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q: %q", text, literal)
		}
	}
	for text, want := range map[string]string{
		"it's": `'it\'s'`, `a\b`: `'a\\b'`, "a\n1": `'a\0101'`, "]]": `']]'`, "é": `'\195\169'`,
	} {
		if got := quoteLua(text); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestNoTextIsNilInLua(t *testing.T) {
	if luaOrNil("") != "nil" || luaOrNil("nil") != "'nil'" || luaList(nil) != "{}" || luaHostPort("") != "nil" {
		t.Error(luaOrNil(""), luaOrNil("nil"), luaList(nil), luaHostPort(""))
	}
}

func TestTOMLReadsBackWhatWasQuoted(t *testing.T) {
	back := func(t interface {
		Helper()
		Fatalf(string, ...any)
	}, text string) {
		t.Helper()
		var got map[string]map[string]string
		document := "[" + quoteTOML(text) + "]\n" + quoteTOML(text) + " = " + quoteTOML(text) + "\n"
		if err := toml.Unmarshal([]byte(document), &got); err != nil {
			t.Fatalf("%q: %v\n%s", text, err, document)
		}
		if diff := cmp.Diff(map[string]map[string]string{text: {text: text}}, got); diff != "" {
			t.Fatalf("%q: -want +got:\n%s", text, diff)
		}
	}
	for _, text := range odd {
		if utf8.ValidString(text) {
			back(t, text)
		}
	}
	rapid.Check(t, func(t *rapid.T) { back(t, rapid.String().Draw(t, "text")) })
}

func TestTOMLOfOtherBytesIsStillTOML(t *testing.T) {
	var got map[string]string
	if err := toml.Unmarshal([]byte("a = "+quoteTOML("\xff'\"")), &got); err != nil || got["a"] != "\uFFFD'\"" {
		t.Errorf("got %q, %v", got, err)
	}
}
