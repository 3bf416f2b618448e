package natsbus

import (
	"fmt"
	"log/slog"
	"sync/atomic"
)

// serverLog passes the server's warnings and errors on. What it notices and
// debugs is of no use to an operator of this service.
type serverLog struct {
	log *slog.Logger
	// fatal is why the server could not start. The caller of Start reports it.
	fatal atomic.Pointer[string]
}

func (l *serverLog) Noticef(string, ...any) {}
func (l *serverLog) Debugf(string, ...any)  {}
func (l *serverLog) Tracef(string, ...any)  {}

func (l *serverLog) Warnf(format string, args ...any) {
	l.log.Warn("NATS server: " + fmt.Sprintf(format, args...))
}

func (l *serverLog) Errorf(format string, args ...any) {
	l.log.Error("NATS server: " + fmt.Sprintf(format, args...))
}

func (l *serverLog) Fatalf(format string, args ...any) {
	reason := fmt.Sprintf(format, args...)
	l.fatal.CompareAndSwap(nil, &reason)
}
