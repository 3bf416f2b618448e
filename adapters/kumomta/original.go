package kumomta

import (
	"strings"

	"github.com/kumotrail/kumotrail/domain"
)

// original is what the headers of a reported message say of its ids.
type original struct {
	traces            []trace
	received          []hop // by a KumoMTA
	receivedElsewhere []hop // by what has ids like it, such as policy's own header
	messageIDs        []string
}

// hop is what a Received header says.
type hop struct{ id, recipient string }

// readOriginal reads the header section of a message, which may be cut short
// anywhere and may be made up. It takes time in proportion to its length.
func readOriginal(message string) original {
	var o original
	for {
		name, value, rest := headerField(message)
		if name == "" {
			return o
		}
		o.field(name, value)
		message = rest
	}
}

func (o *original) field(name, value string) {
	switch {
	case strings.EqualFold(name, "Received"):
		o.readReceived(value)
	case strings.EqualFold(name, "Message-ID"):
		// check_fix_conformance makes it of the id and the sender's domain.
		id, _, _ := strings.Cut(bare(value), "@")
		if isMessageID(id) {
			o.messageIDs = append(o.messageIDs, id)
		}
	case len(name) > 2 && strings.EqualFold(name[:2], "X-"):
		if t, ok := decodeTrace(value); ok {
			o.traces = append(o.traces, t)
		}
	}
}

// headerField takes the first field off a message: its name, its value as it is
// folded, and what follows. The name is "" where the header section ends, which
// is also at the first line that is no field.
func headerField(message string) (name, value, rest string) {
	end := 0
	for {
		i := strings.IndexByte(message[end:], '\n')
		if i < 0 {
			end = len(message)
			break
		}
		if end += i + 1; end == len(message) || message[end] != ' ' && message[end] != '\t' {
			break
		}
	}
	name, value, isField := strings.Cut(message[:end], ":")
	if name = strings.TrimRight(name, " \t"); !isField || !isFieldName(name) {
		return "", "", ""
	}
	return name, value, message[end:]
}

// isFieldName says whether a header may have that name (RFC 5322, section 2.2).
func isFieldName(name string) bool {
	for i := range len(name) {
		if name[i] <= ' ' || name[i] > '~' {
			return false
		}
	}
	return true
}

// readReceived reads
//
//	from HELO (ADDRESS) by HOST (KumoMTA ADDRESS) with PROTOCOL id ID for <RECIPIENT>; DATE
//
// with a comment behind the protocol where TLS was used, and no address behind
// KumoMTA where the message was injected by HTTP. What stands before that name
// is the client's word.
func (o *original) readReceived(value string) {
	by := &o.receivedElsewhere
	if i := strings.Index(value, "(KumoMTA"); i >= 0 {
		value, by = value[i:], &o.received
	}
	words := strings.Fields(value)
	for i := 1; i < len(words); i++ {
		if id := strings.TrimRight(words[i], ";"); words[i-1] == "id" && isMessageID(id) {
			*by = append(*by, hop{id, forClause(words[i+1:])})
			return
		}
	}
}

// forClause reads "for <RECIPIENT>;". A list of several says nothing.
func forClause(words []string) string {
	if len(words) < 2 || words[0] != "for" {
		return ""
	}
	address := strings.TrimRight(words[1], ";")
	if !strings.HasPrefix(address, "<") || !strings.HasSuffix(address, ">") || strings.Contains(address, ",") {
		return ""
	}
	return bare(address)
}

// isMessageID says whether a word is an id as KumoMTA writes its own. Other
// MTAs have 32 digits too, but few that are a UUID with a time.
func isMessageID(word string) bool {
	_, ok := domain.MessageTime(word)
	return ok && strings.IndexByte(word, '-') < 0
}
