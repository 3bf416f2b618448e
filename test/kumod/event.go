package kumod

import (
	"encoding/json"
	"slices"
)

// Mail is a message as KumoMTA has it when a handler sees it. As an argument of
// Fire it becomes a message object.
type Mail struct {
	ID         string         `json:"id,omitempty"`
	Sender     string         `json:"sender"`
	Recipients []string       `json:"recipients"`
	Meta       map[string]any `json:"meta,omitempty"`
	Headers    [][2]string    `json:"headers,omitempty"`
	Body       string         `json:"body,omitempty"`
	Attempts   int            `json:"attempts,omitempty"`
	Issues     []string       `json:"issues,omitempty"` // of conformance
	Report     any            `json:"report,omitempty"` // what parse_rfc3464 returns, "malformed" for an error
}

// Arguments of Fire that stand for objects of KumoMTA's.
type (
	// Record is a line of a log, as the message that a log hook gets.
	Record string
	// Connection is the meta of a client's connection.
	Connection map[string]any
	// Address is an envelope address.
	Address string
	// Absent is nil.
	Absent struct{}
)

func argument(v any) any {
	switch v := v.(type) {
	case Mail:
		return map[string]any{"message": v}
	case Record:
		return map[string]any{"record": v}
	case Connection:
		return map[string]any{"connection": map[string]any(v)}
	case Address:
		return map[string]any{"address": v}
	case Absent:
		return map[string]any{"absent": true}
	}
	return v
}

// State is a message after a handler had it.
type State struct {
	Sender     string
	Recipients list[string]
	Meta       table[any]
	Headers    list[[2]string]
	Signed     list[string] // domains of its signatures
	Did        list[string] // what was done to it, in order
}

// Result is what became of an event.
type Result struct {
	failure
	Handled     bool            // somebody handled it
	Value       json.RawMessage `json:"result"` // what the handler returned
	Messages    list[State]
	Connections list[map[string]any]
}

// Err is the error that the handler raised, a *Rejection if by kumo.reject.
func (r Result) Err() error { return r.err() }

// Fire fires an event of the policy's.
func (n *Node) Fire(event string, args ...any) Result {
	n.tb.Helper()
	given := make([]any, len(args))
	for i, a := range args {
		given[i] = argument(a)
	}
	var r Result
	n.do(map[string]any{"command": "fire", "event": event, "args": given}, &r)
	return r
}

// Forget ends the time of everything that the policy keeps in a cache.
func (n *Node) Forget() {
	n.tb.Helper()
	n.do(map[string]string{"command": "forget"}, nil)
}

// Call is a call of one of kumo's functions that change the node.
type Call struct {
	Name, During string
	Given        map[string]any
}

// Calls are in order.
type Calls []Call

// Named returns the arguments of the calls of a function.
func (c Calls) Named(name string) []map[string]any {
	var given []map[string]any
	for _, call := range c {
		if call.Name == name {
			given = append(given, call.Given)
		}
	}
	return given
}

// Calls returns what the policy has called so far.
func (n *Node) Calls() Calls {
	n.tb.Helper()
	var answer struct{ Calls list[Call] }
	n.do(map[string]string{"command": "calls"}, &answer)
	return Calls(answer.Calls)
}

// Dead names the events of the policy's own that nothing can fire. A queue's
// constructor counts as fired once its configuration was asked for.
func (n *Node) Dead() []string {
	n.tb.Helper()
	var answer struct{ Dead list[string] }
	n.do(map[string]string{"command": "calls"}, &answer)
	return slices.Clone(answer.Dead)
}

// Module returns what a module of the policy returned: each value in
// hexadecimal digits of its bytes.
func (n *Node) Module(name string) (map[string]any, error) {
	n.tb.Helper()
	var answer struct {
		failure
		Module map[string]any
	}
	n.do(map[string]string{"command": "module", "name": name}, &answer)
	return answer.Module, answer.err()
}

// Run runs a piece of Lua as if the policy did: while it loads, or while an
// event is handled.
func (n *Node) Run(event, chunk string) error {
	n.tb.Helper()
	var answer struct{ failure }
	n.do(map[string]any{"command": "run", "loading": event == "", "event": event, "chunk": chunk}, &answer)
	return answer.err()
}
