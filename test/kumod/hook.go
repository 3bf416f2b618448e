package kumod

// Disposition is what KumoMTA does with each message of a delivery.
type Disposition string

const (
	// Delivery is done: the message leaves the spool.
	Delivery Disposition = "Delivery"
	// TransientFailure comes again.
	TransientFailure Disposition = "TransientFailure"
	// Bounce leaves the spool undelivered: an event that is lost to a hook.
	Bounce Disposition = "Bounce"
)

// Outcome is how a call of a connection's send or send_batch ended.
type Outcome struct {
	failure
	Delivered string
}

// Disposition is the same for all messages of the call (docs/kumomta.md,
// section 5.4).
func (o Outcome) Disposition() Disposition {
	switch {
	case o.Rejected != nil && (o.Rejected.Code < 400 || o.Rejected.Code > 499):
		return Bounce
	case o.err() != nil:
		return TransientFailure
	}
	return Delivery
}

// Err is the error that the policy raised.
func (o Outcome) Err() error { return o.err() }

// Closes says whether KumoMTA closes the connection after it.
func (o Outcome) Closes() bool { return o.Failed != "" || o.Rejected != nil && o.Rejected.Code == 421 }

// Delivering is a connection of a queue that Lua delivers.
type Delivering struct {
	node       *Node
	connection int
}

// Connect makes a connection by the event that a queue's configuration names.
func (n *Node) Connect(constructor, domain string) (*Delivering, error) {
	n.tb.Helper()
	var answer struct {
		failure
		Connection int
	}
	n.do(map[string]any{"command": "connect", "event": constructor, "args": []string{domain}}, &answer)
	return &Delivering{n, answer.Connection}, answer.err()
}

// SendRecords sends a batch of log records.
func (d *Delivering) SendRecords(lines []string) Outcome {
	d.node.tb.Helper()
	var o Outcome
	d.node.do(map[string]any{
		"command": "send", "connection": d.connection, "method": "send_batch", "records": lines,
	}, &o)
	return o
}

// Send sends one message.
func (d *Delivering) Send(m Mail) Outcome {
	d.node.tb.Helper()
	var o Outcome
	d.node.do(map[string]any{
		"command": "send", "connection": d.connection, "method": "send", "messages": []Mail{m},
	}, &o)
	return o
}

// Close closes the connection as KumoMTA does.
func (d *Delivering) Close() error {
	d.node.tb.Helper()
	var answer struct{ failure }
	d.node.do(map[string]any{"command": "close", "connection": d.connection}, &answer)
	return answer.err()
}
