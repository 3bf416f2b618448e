package domain_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
)

func TestRegistrationIDsAreThoseOfBefore(t *testing.T) {
	// They stand in stores: what they are derived from may never change.
	const want = "dca8fe31-e54f-2f1f-80ca-8af6f15d456c"
	got := domain.NewRegistrationID("eml_406de800", "frank@Example.ORG")
	if got.String() != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if parsed, err := domain.ParseRegistrationID(want); err != nil || parsed != got {
		t.Errorf("parsed %s, %v", parsed, err)
	}
}

func TestRegistrationsOfOneApplicationIDStandTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		application := rapid.String().Draw(t, "application id")
		id := domain.NewRegistrationID(application, rapid.String().Draw(t, "recipient"))
		least, greatest := domain.RegistrationsOf(application)
		if bytes.Compare(least[:], id[:]) > 0 || bytes.Compare(id[:], greatest[:]) > 0 {
			t.Fatalf("%s is not within %s and %s", id, least, greatest)
		}
		other := domain.NewRegistrationID(application+"'", "")
		if bytes.Compare(least[:], other[:]) <= 0 && bytes.Compare(other[:], greatest[:]) <= 0 {
			t.Fatalf("%s of another application id is within", other)
		}
	})
}

func TestRegistrationIsOfTheLogOfItsRecipientAlone(t *testing.T) {
	r := domain.Registration{ApplicationID: "app-1", Recipient: "a@example.com", Sender: "s@example.com", Tenant: "acme", Campaign: "spring", Size: 7}
	for log, want := range map[*domain.EmailLog]bool{
		{ApplicationID: "app-1", Recipient: "a@example.com"}: true,
		{ApplicationID: "app-1", Recipient: "b@example.com"}: false,
		{ApplicationID: "app-2", Recipient: "a@example.com"}: false,
		{Recipient: "a@example.com"}:                         false,
	} {
		if got := r.IsOf(log); got != want {
			t.Errorf("%+v: got %t, want %t", log, got, want)
		}
	}
	pending := r.Pending()
	if !r.IsOf(&pending) || pending.Status() != domain.Pending || pending.Key.String() != r.ID().String() || pending.MessageID != "" {
		t.Errorf("pending is %+v", pending)
	}
}
