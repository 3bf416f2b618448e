//go:build !embedded

package compose_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/adapters/kumomta/policy"
	"github.com/kumotrail/kumotrail/bootstrap"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/test/kumod"
)

// write writes the policy as the service of that name does.
func write(t *testing.T, f file) string {
	t.Helper()
	folder := t.TempDir()
	t.Chdir(t.TempDir()) // away from anybody's .env
	for name, value := range f.Services["policy"].Environment {
		t.Setenv(name, value)
	}
	options, err := bootstrap.LoadPolicy()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := policy.Write(folder, options, policy.KeepEdited); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestKumoMTAOfTheFileReachesTheServiceAndTheSink(t *testing.T) {
	f := parse(t, nil)
	mta := f.Services["kumomta"].Environment
	var environment []string
	for name, value := range mta {
		environment = append(environment, name+"="+value)
	}
	var got []kumod.Request
	n := kumod.Start(t, kumod.Config{
		Policy: write(t, f), Environment: environment,
		HTTP: func(r kumod.Request) kumod.Response {
			got = append(got, r)
			return kumod.Response{Status: 200, Text: `{"received":1,"stored":1}`}
		},
	})
	if err := n.Boot(); err != nil {
		t.Fatal(err)
	}
	d, err := n.Connect("make.kumotrail.log_hook", "kumotrail.log_hook")
	if err != nil {
		t.Fatal(err)
	}
	if o := d.SendRecords([]string{`{"type":"Delivery","recipient":"a@example.com"}`}); o.Disposition() != kumod.Delivery {
		t.Fatal(o.Err())
	}
	ours := f.Services["kumotrail"].Environment
	if got[0].URL != "http://kumotrail:"+ours["PORT"]+"/api/kumomta/webhook" || got[0].Headers["x-kumomta-key"] != ours["X_KUMOMTA_KEY"] {
		t.Errorf("the hook posts to %s with %q", got[0].URL, got[0].Headers["x-kumomta-key"])
	}
	if ours["HOST"] != "0.0.0.0" {
		t.Errorf("the service listens on %q", ours["HOST"])
	}
	queue := n.Fire("get_queue_config", "example.com", kumod.Absent{}, kumod.Absent{}, "example.com")
	path := n.Fire("get_egress_path_config", "example.com", "unspecified", "example.com")
	if !strings.Contains(string(queue.Value), `"mx_list":["mailpit"]`) || !strings.Contains(string(path.Value), `"smtp_port":1025`) {
		t.Errorf("mail goes to %s by %s", queue.Value, path.Value)
	}
	id := "d7ef132b5d7711eea8c8000c29c33806"
	r := n.Fire("http_message_generated", kumod.Mail{ID: id, Sender: "a@example.com", Recipients: []string{"b@example.com"}})
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	if found, ok := domain.NewReturnPaths(ours["VERP_KEY"]).Verify(r.Messages[0].Sender); !ok || found != id {
		t.Errorf("the service does not know the return path %s", r.Messages[0].Sender)
	}
}

func TestKumoMTAOfTheFileTakesMailFromItsNetworkAlone(t *testing.T) {
	f := parse(t, nil)
	n := kumod.Start(t, kumod.Config{Policy: write(t, f), Environment: []string{"X_KUMOMTA_KEY=reloop", "VERP_KEY=v"}})
	if err := n.Boot(); err != nil {
		t.Fatal(err)
	}
	smtp := n.Calls().Named("start_esmtp_listener")[0]
	var trusted []string
	hosts, _ := smtp["relay_hosts"].([]any)
	for _, h := range hosts {
		trusted = append(trusted, h.(string))
	}
	// Docker's networks, and what comes in by a published port, which is from their
	// gateway.
	if !slices.Contains(trusted, "172.16.0.0/12") || !slices.Contains(trusted, "192.168.0.0/16") || slices.Contains(trusted, "0.0.0.0/0") {
		t.Errorf("%q may relay", trusted)
	}
}

func TestTheImageHasWhatItsServicesNeed(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`ENTRYPOINT ["/kumotrail"]`, `CMD ["serve"]`, "USER 65532:65532", "VOLUME /data"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the Dockerfile lacks %s", want)
		}
	}
	policy := parse(t, nil).Services["policy"]
	if want := []string{"policy", "write", "--keep", "/policy"}; !slices.Equal(policy.Command, want) || policy.User != "0:0" {
		t.Errorf("the policy is written by %q as %q", policy.Command, policy.User)
	}
	if ours := parse(t, nil).Services["kumotrail"]; policy.Image != ours.Image || policy.Build != ours.Build {
		t.Errorf("the policy is of another image: %s, %s", policy.Image, ours.Image)
	}
}
