package apiclient

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
)

// Receipt is the answer to posted records. Counts are records.
type Receipt struct {
	Received    int    `json:"received"`
	Stored      int    `json:"stored"`
	Duplicates  int    `json:"duplicates"` // known already
	Expired     int    `json:"expired"`    // older than events are kept, and not taken
	Quarantined int    `json:"quarantined"`
	Quarantine  []Note `json:"quarantine"` // the first 20 of them
}

// Note names a record that is in quarantine.
type Note struct {
	Index  int    `json:"index"` // its place in the body, from 0
	ID     string `json:"id"`    // in quarantine
	Reason string `json:"reason"`
}

// Post posts log records as one array. When it returns without an error they are
// durable, those in quarantine included. Records may be posted again: what is
// known is told apart.
func (c *Client) Post(ctx context.Context, records ...json.RawMessage) (Receipt, error) {
	array := append([]byte{'['}, bytes.Join(asBytes(records), []byte{','})...)
	return c.PostBody(ctx, append(array, ']'), "")
}

func asBytes(records []json.RawMessage) [][]byte {
	all := make([][]byte, len(records))
	for i, r := range records {
		all[i] = r
	}
	return all
}

// PostBody posts a body as it is: one record, an array of them, or one a line,
// in the encoding "gzip", "zstd" or, plain, "".
func (c *Client) PostBody(ctx context.Context, body []byte, encoding string) (Receipt, error) {
	header := http.Header{"Content-Type": {"application/json"}}
	if encoding != "" {
		header.Set("Content-Encoding", encoding)
	}
	var r Receipt
	err := c.call(ctx, request{
		name: "post records", method: http.MethodPost, path: root + "/webhook", header: header, body: body, webhook: true,
	}, &r)
	return r, err
}
