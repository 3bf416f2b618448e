// Package natsbus announces events on NATS: a server with JetStream inside the
// process for those who run none, the connection to it or to one elsewhere, the
// stream, and the publisher.
//
// The stream is a copy for others to read. What is announced survives the end
// of the process at once and a loss of power after syncInterval; the truth
// until then is the outbox.
package natsbus
