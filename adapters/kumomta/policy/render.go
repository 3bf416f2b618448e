package policy

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

//go:embed files
var embedded embed.FS

// template's names end in this; the rest is written as it is.
const templateSuffix = ".tmpl"

// Files returns the policy set by names relative to the MTA's policy folder,
// with slashes. Options with faults are an error; what is rendered cannot break
// out of its place whatever it is.
func Files(o Options) (map[string][]byte, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	root, err := fs.Sub(embedded, "files")
	if err != nil {
		return nil, err
	}
	return render(root, o)
}

func render(root fs.FS, o Options) (map[string][]byte, error) {
	files := map[string][]byte{}
	v := values{o.withDefaults()}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		if made, ok := strings.CutSuffix(name, templateSuffix); ok {
			name = made
			if content, err = fill(name, string(content), v); err != nil {
				return err
			}
		}
		files[name] = content
		return nil
	})
	return files, err
}

var functions = template.FuncMap{
	"lua": luaOrNil, "lower": strings.ToLower, "list": luaList, "set": luaSet, "hostport": luaHostPort, "toml": quoteTOML,
}

func fill(name, text string, v values) ([]byte, error) {
	t, err := template.New(name).Funcs(functions).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("template of %s: %w", name, err)
	}
	var filled bytes.Buffer
	if err := t.Execute(&filled, v); err != nil {
		return nil, fmt.Errorf("render %s: %w", name, err)
	}
	return filled.Bytes(), nil
}

// values are what templates see. Every text goes through one of functions.
type values struct{ Options }

// Has says whether the MTA's release has what came with since.
func (v values) Has(since string) bool { return has(v.Version, since) }

// BounceDomain is the domain of return paths.
func (v values) BounceDomain() string {
	if len(v.BounceDomains) == 0 {
		return ""
	}
	return strings.ToLower(v.BounceDomains[0])
}

// ReportDomains are those that bounces and complaints come to, each once.
func (v values) ReportDomains() []string {
	var domains []string
	for _, d := range slices.Concat(v.BounceDomains, v.FBLDomains) {
		if d = strings.ToLower(d); !slices.Contains(domains, d) {
			domains = append(domains, d)
		}
	}
	return domains
}

// Reports is what a listener domain does with them: before LogThenDrop, true
// meant that unless the sender could relay, which policy/smtp.lua sees to.
func (v values) Reports() string {
	if v.Has("2025.05.06") {
		return `"LogThenDrop"`
	}
	return "true"
}

// source is an egress source.
type source struct{ Name, Address string }

// Sources names the egress addresses.
func (v values) Sources() []source {
	var sources []source
	for i, a := range v.EgressAddresses {
		sources = append(sources, source{"ip-" + strconv.Itoa(i+1), a})
	}
	return sources
}

// SmartHostName is the smart host as a routing domain.
func (v values) SmartHostName() string {
	host, _, _ := net.SplitHostPort(v.SmartHost)
	return literal(host)
}

// SmartHostPort is its port.
func (v values) SmartHostPort() int {
	_, port, _ := net.SplitHostPort(v.SmartHost)
	n, _ := strconv.Atoi(port)
	return n
}

func luaHostPort(address string) string {
	host, port, err := net.SplitHostPort(address)
	n, notNumber := strconv.Atoi(port)
	if err != nil || notNumber != nil {
		return "nil"
	}
	return "{ host = " + quoteLua(literal(host)) + ", port = " + strconv.Itoa(n) + " }"
}

// literal puts an IP address into brackets, as mail and KumoMTA's mx_list have
// them; without, it would be a name to resolve.
func literal(host string) string {
	if _, err := netip.ParseAddr(host); err == nil {
		return "[" + host + "]"
	}
	return host
}
