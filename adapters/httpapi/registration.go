package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
)

type registerInput struct{ Body newRegistration }

// newRegistration is a message that its application announces.
type newRegistration struct {
	ID         string                     `json:"id" minLength:"1" maxLength:"255" example:"eml_406de800" doc:"The application's own, which the message carries as X-Email-Log-ID."`
	Recipients []string                   `json:"recipients" minItems:"1" maxItems:"1000" example:"[\"frank@example.org\"]" doc:"Of the envelope. Each has a log of its own."`
	Sender     string                     `json:"sender" maxLength:"320" example:"news@sender.example" doc:"Of the envelope, empty for none."`
	Subject    string                     `json:"subject,omitempty" maxLength:"998" example:"Spring"`
	Tenant     string                     `json:"tenant,omitempty" maxLength:"255" example:"acme"`
	Campaign   string                     `json:"campaign,omitempty" maxLength:"255" example:"spring"`
	Size       int64                      `json:"size,omitempty" minimum:"0" example:"1047" doc:"In bytes."`
	Meta       map[string]json.RawMessage `json:"meta,omitempty" example:"{\"order\":4711}" doc:"Whatever the application wants to find again, up to 16 KiB."`
}

const maxMeta = 16 << 10

// message returns what is registered, or names every fault.
func (r *newRegistration) message() (domain.Registration, error) {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	for i, recipient := range r.Recipients {
		if err := domain.CheckAddress(recipient); err != nil {
			fault("recipients[%d]: %v", i, err)
		}
	}
	if r.Sender != "" {
		if err := domain.CheckAddress(r.Sender); err != nil {
			fault("sender: %v", err)
		}
	}
	for name, text := range map[string]string{"id": r.ID, "subject": r.Subject, "tenant": r.Tenant, "campaign": r.Campaign} {
		if hasNUL(text) {
			fault("%s has a NUL in it", name)
		}
	}
	meta := ""
	if len(r.Meta) > 0 {
		text, err := json.Marshal(r.Meta)
		if meta = strings.ToValidUTF8(string(text), "\ufffd"); err != nil || len(meta) > maxMeta {
			fault("meta must be an object of at most %d bytes", maxMeta)
		}
	}
	if len(faults) > 0 {
		return domain.Registration{}, badRequest(faults...)
	}
	return domain.Registration{
		ApplicationID: r.ID, Sender: r.Sender, Subject: r.Subject, Tenant: r.Tenant, Campaign: r.Campaign, Size: r.Size, Meta: meta,
	}, nil
}

func hasNUL(text string) bool { return strings.IndexByte(text, 0) >= 0 }

type registerOutput struct{ Body registeredMessage }

type registeredMessage struct {
	ID         string           `json:"id" doc:"The application's."`
	Registered int              `json:"registered" doc:"For how many recipients the message is new."`
	Known      int              `json:"known" doc:"For how many it was registered before, and stays as it was."`
	Items      []registeredLine `json:"items" doc:"What became of each recipient."`
}

// registeredLine is what became of one recipient.
type registeredLine struct {
	ID        string `json:"id" format:"uuid" doc:"Of the registration. It finds the log of this recipient, also when there is one."`
	Recipient string `json:"recipient" doc:"Its domain in lower case."`
	New       bool   `json:"new" doc:"Whether it was not registered before."`
}

func newRegisteredMessage(id string, outcome []application.Registered) registeredMessage {
	answer := registeredMessage{ID: id, Items: make([]registeredLine, len(outcome))}
	for i, o := range outcome {
		answer.Items[i] = registeredLine{o.Registration.ID().String(), o.Registration.Recipient, o.New}
		if o.New {
			answer.Registered++
		}
	}
	answer.Known = len(outcome) - answer.Registered
	return answer
}

// RegistrationLine is what the application said of a message. What it did not
// say is null.
type RegistrationLine struct {
	ID           string                     `json:"id" format:"uuid" doc:"Of the registration."`
	Sender       *string                    `json:"sender"`
	Subject      *string                    `json:"subject"`
	Tenant       *string                    `json:"tenant"`
	Campaign     *string                    `json:"campaign"`
	Size         int64                      `json:"size" doc:"In bytes, 0 if not known."`
	Meta         map[string]json.RawMessage `json:"meta"`
	RegisteredAt *string                    `json:"registered_at" format:"date-time"`
}

func newRegistrationLine(r *domain.Registration) *RegistrationLine {
	if r == nil {
		return nil
	}
	meta := map[string]json.RawMessage{}
	if r.Meta != "" {
		_ = json.Unmarshal([]byte(r.Meta), &meta) // it was made by Marshal
	}
	return &RegistrationLine{
		ID: r.ID().String(), Sender: known(r.Sender), Subject: known(r.Subject), Tenant: known(r.Tenant),
		Campaign: known(r.Campaign), Size: r.Size, Meta: meta, RegisteredAt: knownTime(r.RegisteredAt),
	}
}

// registerRegistrations adds the registration of messages.
func registerRegistrations(api huma.API, messages *application.Register) {
	example := exampleRegistration()
	register(api, huma.Operation{
		OperationID: "registerMessage", Method: http.MethodPost, Path: "/logs", Tags: []string{"Logs"},
		Summary: "Register a message",
		Description: "Announces a message before or at its injection. It is pending until KumoMTA tells of a message with the " +
			"same id for the same recipient. What was registered before stays as it was, so that the same request may be sent again.",
		MaxBodyBytes: 1 << 20,
		RequestBody: jsonBody(newRegistration{
			ID: example.ApplicationID, Recipients: []string{example.Recipient}, Sender: example.Sender, Subject: example.Subject,
			Tenant: example.Tenant, Campaign: example.Campaign, Size: example.Size,
			Meta: map[string]json.RawMessage{"order": json.RawMessage("4711")},
		}),
	}, newRegisteredMessage(example.ApplicationID, []application.Registered{{Registration: example, New: true}}),
		func(ctx context.Context, in *registerInput) (*registerOutput, error) {
			message, err := in.Body.message()
			if err != nil {
				return nil, err
			}
			outcome, err := messages.Register(ctx, message, in.Body.Recipients)
			if err != nil {
				return nil, err
			}
			return &registerOutput{newRegisteredMessage(in.Body.ID, outcome)}, nil
		})
}

// jsonBody is a body that is shown by example.
func jsonBody(example any) *huma.RequestBody {
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Example: example}}}
}

func exampleRegistration() domain.Registration {
	event := exampleBounce()
	return domain.Registration{
		ApplicationID: event.ApplicationID, Recipient: event.Recipient, Sender: event.Sender, Subject: "Spring",
		Tenant: event.Tenant, Campaign: event.Campaign, Size: 1047, Meta: `{"order":4711}`,
		RegisteredAt: event.AcceptedAt.Add(-time.Second),
	}
}
