package domain_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
)

func TestMessageTimeReadsTheTimeInTheID(t *testing.T) {
	cases := []struct {
		name, id string
		want     time.Time
	}{
		{"v1", "10d1b680884d11f19001782d7e12e173", time.Date(2026, 7, 25, 17, 20, 0, 123456000, time.UTC)},
		{"v1 with dashes in upper case", "10D1B680-884D-11F1-9001-782D7E12E173", time.Date(2026, 7, 25, 17, 20, 0, 123456000, time.UTC)},
		{"v1 of 1582", "00000000000010008000000000000000", time.Date(1582, 10, 15, 0, 0, 0, 0, time.UTC)},
		{"v7", "019f9a4a7a7b70008000000000000000", time.Date(2026, 7, 25, 17, 20, 0, 123e6, time.UTC)},
		{"v7 of 1970", "00000000000070008000000000000000", time.Unix(0, 0)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, ok := domain.MessageTime(c.id)
			if !ok || !got.Equal(c.want) || got.Location() != time.UTC {
				t.Errorf("got %v (%v), want %v", got, ok, c.want)
			}
		})
	}
}

func TestMessageTimeIsNoneForOtherIDs(t *testing.T) {
	for _, id := range []string{
		"",
		"not-a-uuid",
		"10d1b680884d11f19001782d7e12e17",   // short
		"10d1b680884d11f19001782d7e12e1733", // long
		"10d1b680884d11f19001782d7e12e17g",
		"10d1b680884d21f19001782d7e12e173", // v2
		"8f2c1f0e11114a4a9c9c0123456789ab", // v4
		"1f1884d10d1b66809001782d7e12e173", // v6
		"00000000000000000000000000000000",
	} {
		if got, ok := domain.MessageTime(id); ok {
			t.Errorf("%q has time %v", id, got)
		}
	}
}

func TestMessageTimeAgreesWithUUIDLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes"))
		u[6] = u[6]&0x0f | 0x10
		got, ok := domain.MessageTime(u.String())
		if want := time.Unix(u.Time().UnixTime()); !ok || !got.Equal(want) {
			t.Fatalf("%s: got %v (%v), want %v", u, got, ok, want)
		}
	})
}

func TestNormalizeMessageIDIsLowerCaseWithoutDashes(t *testing.T) {
	cases := []struct{ id, want string }{
		{"10D1B680-884D-11F1-9001-782D7E12E173", "10d1b680884d11f19001782d7e12e173"},
		{"10d1b680884d11f19001782d7e12e173", "10d1b680884d11f19001782d7e12e173"},
		{"A-b@Host", "ab@host"},
		{"", ""},
	}
	for _, c := range cases {
		if got := domain.NormalizeMessageID(c.id); got != c.want {
			t.Errorf("%q: got %q, want %q", c.id, got, c.want)
		}
	}
}
