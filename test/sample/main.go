// Command sample prints the log records of a few messages that a KumoMTA node
// could have sent within the last hour, one a line: something to post to a
// service that was just started. One of them bounced late and of one somebody
// complained; their return paths are signed with the key of VERP_KEY, else with
// the one that a service made in ./data.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kumotrail/kumotrail/test/records"
)

func main() {
	key := flag.String("verp-key", os.Getenv("VERP_KEY"), "`key` of the service that signs return paths")
	flag.Parse()
	const messages = 20
	now := time.Now()
	maker := records.NewMaker(uint64(now.UnixNano()), now.Add(-time.Hour), time.Minute)
	verpKey := cmp.Or(*key, madeKey(), "no key is known, so the service cannot verify this")
	lines := append(maker.LateBounce(verpKey), maker.Complaint(verpKey)...)
	for range messages - 2 {
		lines = append(lines, maker.Message()...)
	}
	fmt.Println(strings.Join(lines, "\n"))
}

// madeKey is the key that a service made at its first start, "" for none.
func madeKey() string {
	text, err := os.ReadFile(filepath.Join(cmp.Or(os.Getenv("DATA_DIR"), "data"), "verp.key"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
