package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// LogFilter are the parameters that choose logs.
type LogFilter struct {
	ID           string    `query:"id" minLength:"1" maxLength:"1024" example:"eml_406de800" doc:"The application's id (X-Email-Log-ID)."`
	MessageID    string    `query:"message_id" minLength:"1" maxLength:"1024" example:"22a08300884d11f19005782d7e12e173" doc:"KumoMTA's id, in any spelling of a UUID."`
	Recipient    string    `query:"recipient" minLength:"1" maxLength:"1024" example:"frank@example.org" doc:"The whole address, its domain in any case; or *@ and a domain."`
	Status       string    `query:"status" enum:"pending,deferred,transferred,expired,bounced,delivered,complained" example:"bounced" doc:"What became of the message."`
	Tenant       string    `query:"tenant" minLength:"1" maxLength:"1024" example:"acme" doc:"Whose message it is."`
	Campaign     string    `query:"campaign" minLength:"1" maxLength:"1024" example:"spring" doc:"The campaign that it is part of."`
	Domain       string    `query:"domain" minLength:"1" maxLength:"1024" example:"example.org" doc:"The recipient's, in any case."`
	Provider     string    `query:"provider" minLength:"1" maxLength:"1024" example:"google" doc:"Who runs the recipient's mailbox."`
	EgressSource string    `query:"egress_source" minLength:"1" maxLength:"1024" example:"ip-1" doc:"What the message was sent from."`
	Cause        string    `query:"cause" enum:"recipient,domain,sender,content,infrastructure,administrative,expired,complaint,unknown" example:"recipient" doc:"What the failure is about that decided the status."`
	From         time.Time `query:"from" example:"2026-07-25T00:00:00Z" doc:"Accepted then or later. Not after to."`
	To           time.Time `query:"to" example:"2026-07-26T00:00:00Z" doc:"Accepted before then."`
}

func (f *LogFilter) chosen() (ports.LogFilter, error) {
	chosen := ports.LogFilter{
		ApplicationID: f.ID, MessageID: f.MessageID, Recipient: f.Recipient, Domain: f.Domain,
		Tenant: f.Tenant, Campaign: f.Campaign, Provider: f.Provider, EgressSource: f.EgressSource,
		Statuses: domain.ParseStatuses(f.Status), Cause: domain.Cause(f.Cause),
		From: f.From.UTC(), To: f.To.UTC(),
	}
	if name, ok := strings.CutPrefix(f.Recipient, "*@"); ok {
		switch {
		case name == "":
			return chosen, badRequest("recipient must be a whole address, or *@ and a domain")
		case f.Domain != "" && !strings.EqualFold(name, f.Domain):
			return chosen, badRequest("recipient and domain name two domains; one of them is enough")
		}
		chosen.Recipient, chosen.Domain = "", name
		return chosen, checkRange(f.From, f.To)
	}
	if err := checkRecipient(f.Recipient, "a whole address, or *@ and a domain"); err != nil {
		return chosen, err
	}
	return chosen, checkRange(f.From, f.To)
}

// checkRecipient refuses what is meant as a pattern: nobody has it as an address,
// and to who asks there would seem to be nothing.
func checkRecipient(recipient, allowed string) error {
	local, domain, isAddress := strings.Cut(recipient, "@")
	switch {
	case recipient == "":
	case isAddress && (local == "" || local == "*" || domain == ""), !isAddress && strings.HasPrefix(recipient, "*"):
		return badRequest("recipient must be " + allowed)
	}
	return nil
}

type logsInput struct {
	LogFilter
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" example:"50" doc:"How many a page has at most."`
	Cursor string `query:"cursor" minLength:"1" maxLength:"64" example:"AaGTUTHRY63QAZ-aS1gLSJV44HqAyor28Q" doc:"The next_cursor of the page before, with the same filters."`
}

type logsOutput struct{ Body logPage }

type logPage struct {
	Items      []LogLine `json:"items" nullable:"false" doc:"The logs, newest acceptance first. Those whose message id has no time in it come last."`
	NextCursor string    `json:"next_cursor" doc:"Asks for the next page, empty at the end."`
}

// registerLogList adds the list of logs.
func registerLogList(api huma.API, lists *application.Lists) {
	register(api, huma.Operation{
		OperationID: "listLogs", Method: http.MethodGet, Path: "/logs", Tags: []string{"Logs"},
		Summary: "List logs",
		Description: "Answers with a page of the logs that the filters choose, newest acceptance first. " +
			"Filters by other than recipient, id and message_id need a tenant, or from and to at most 24 h apart. " +
			"Pages stay right while messages come: none is shown twice, and none that was there is left out.",
	}, logPage{[]LogLine{exampleLog()}, exampleCursor}, func(ctx context.Context, in *logsInput) (*logsOutput, error) {
		filter, err := in.chosen()
		if err != nil {
			return nil, err
		}
		page, err := lists.Logs(ctx, filter, in.Cursor, in.Limit)
		if err != nil {
			return nil, err
		}
		body := logPage{make([]LogLine, len(page.Items)), page.NextCursor}
		for i := range page.Items {
			body.Items[i] = newLogLine(&page.Items[i])
		}
		return &logsOutput{body}, nil
	})
}

// exampleCursor is one of logs without a filter.
const exampleCursor = "AaGTUTHRY63QAZ-aS1gLSJV44HqAyor28Q"
