// Command sample prints the log records of a few messages that a KumoMTA node
// could have sent within the last hour, one a line: something to post to a
// service that was just started.
package main

import (
	"fmt"
	"time"

	"github.com/kumotrail/kumotrail/test/records"
)

func main() {
	const messages = 20
	now := time.Now()
	maker := records.NewMaker(uint64(now.UnixNano()), now.Add(-time.Hour), time.Minute)
	for range messages {
		for _, line := range maker.Message() {
			fmt.Println(line)
		}
	}
}
