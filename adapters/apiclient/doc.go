// Package apiclient asks a kumotrail service over its HTTP API, and posts records
// to it. Types mirror what the service answers: names are those of its JSON, and
// what it does not know, null there, is the zero value here.
//
// An answer that is an error is a *Problem, to be had with errors.As. No error
// says an address or a key that the request had.
//
// Lists are sequences over all pages. Their first error is the last that they
// yield:
//
//	for log, err := range client.Logs(ctx, apiclient.LogFilter{Tenant: "acme"}) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(log.Recipient, log.Status)
//	}
package apiclient
