package natsbus

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// maxPayload is the largest message that NATS does not advise against.
	maxPayload = 8 << 20

	// syncInterval is how long an acknowledged message may wait for fsync. It
	// is in the page cache before its ack, so that only a crash of the machine
	// loses it; the server's own default would lose two minutes then. On 2 cores
	// at full load a sync a second took 94 k messages/s to 83 k; one with every
	// message leaves less than 2 k.
	syncInterval = time.Second

	// A service of mail events has no use for streams in memory; what other
	// clients make there must not push the mail service out of it.
	maxMemoryStreams = 64 << 20

	// The server refuses a stream whose limit exceeds this, by default what the
	// disk has left, so that a small disk would end announcing on day one. The
	// stream's own limit is the one that counts.
	maxFileStreams = 1 << 50
)

// ServerConfig says where the embedded server keeps its files and who may
// connect.
type ServerConfig struct {
	// Dir is the data folder, made if need be. The stream's files go into its
	// folder nats.
	Dir string
	// Listen is the TCP address for clients of other processes, "host:port";
	// "off" and "" are for none.
	Listen string
	// Token is what all clients must show. "" is one that only this process
	// knows.
	Token string
	// Log takes the server's warnings and errors.
	Log *slog.Logger

	healEvery time.Duration // 0 for the usual; tests have less
}

// Validate names every fault.
func (c *ServerConfig) Validate() error {
	var faults []error
	if c.Dir == "" {
		faults = append(faults, errors.New("NATS server: no data folder"))
	}
	if c.Log == nil {
		faults = append(faults, errors.New("NATS server: no logger"))
	}
	if _, _, err := c.listenAddress(); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// listenAddress takes Listen apart; port 0 is for not listening.
func (c *ServerConfig) listenAddress() (host string, port int, err error) {
	if c.Listen == "" || c.Listen == "off" {
		return "", 0, nil
	}
	host, p, err := net.SplitHostPort(c.Listen)
	if err == nil {
		port, err = strconv.Atoi(p)
	}
	if err != nil || port < 1 || port > 65535 {
		return "", 0, fmt.Errorf("NATS server: listen address %q: want host:port or off", c.Listen)
	}
	return host, port, nil
}

// Server is a NATS server with JetStream inside this process.
type Server struct {
	config ServerConfig
	token  string
	ns     atomic.Pointer[server.Server] // another after each restart
	healer *healer
}

// StartServer starts the server and returns when clients can connect. An
// address that cannot be listened on is a warning: the server then serves this
// process only.
func StartServer(cfg ServerConfig) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("start NATS server: %w", err)
	}
	token := cfg.Token
	if token == "" {
		token = rand.Text()
	}
	s := &Server{config: cfg, token: token}
	if err := s.start(); err != nil {
		return nil, err
	}
	s.healer = newHealer(s, cmp.Or(cfg.healEvery, healEvery))
	return s, nil
}

func (s *Server) start() error {
	cfg := s.config
	err := s.try(&cfg)
	if noListen, ok := errors.AsType[*listenError](err); ok {
		cfg.Log.Warn("NATS serves this process only: its address cannot be listened on",
			"listen", cfg.Listen, "reason", noListen.reason)
		cfg.Listen = "off"
		err = s.try(&cfg)
	}
	if err != nil {
		return fmt.Errorf("start NATS server: %w", err)
	}
	return nil
}

// storeDir is the folder of the streams' files.
func (c *ServerConfig) storeDir() string { return filepath.Join(c.Dir, "nats") }

// listenError says that the server is well but for its listener.
type listenError struct{ reason string }

func (e *listenError) Error() string { return e.reason }

func (s *Server) try(cfg *ServerConfig) error {
	ns, err := server.NewServer(s.options(cfg))
	if err != nil {
		return err
	}
	log := &serverLog{log: cfg.Log}
	ns.SetLoggerV2(log, false, false, false)
	ns.Start() // returns when it listens, or when it gave up and said so by Fatalf
	s.ns.Store(ns)
	reason := log.fatal.Load()
	if reason == nil {
		return nil
	}
	var failure error = &listenError{*reason}
	if !ns.JetStreamEnabled() {
		failure = errors.New(*reason)
	}
	s.shutDown()
	return failure
}

func (s *Server) options(cfg *ServerConfig) *server.Options {
	host, port, _ := cfg.listenAddress() // Validate has seen it
	return &server.Options{
		ServerName:             "kumotrail",
		Host:                   host,
		Port:                   port,
		DontListen:             port == 0,
		Authorization:          s.token,
		NoSigs:                 true,
		MaxPayload:             maxPayload,
		JetStream:              true,
		DisableJetStreamBanner: true,
		StoreDir:               cfg.storeDir(),
		SyncInterval:           syncInterval,
		JetStreamMaxMemory:     maxMemoryStreams,
		JetStreamMaxStore:      maxFileStreams,
	}
}

// Address is where the server listens, "" if it serves this process only.
func (s *Server) Address() string {
	if addr := s.ns.Load().Addr(); addr != nil {
		return addr.String()
	}
	return ""
}

// Close ends the server and waits until its files are closed. Connections
// should be closed before. Closing twice is harmless.
func (s *Server) Close() {
	s.healer.close()
	s.shutDown()
}

func (s *Server) shutDown() {
	ns := s.ns.Load()
	ns.Shutdown()
	ns.WaitForShutdown()
}

// restart ends the server and starts it again with the same files. Clients
// connect again by themselves.
func (s *Server) restart() error {
	s.shutDown()
	return s.start()
}

// InProcessConn implements nats.InProcessConnProvider.
func (s *Server) InProcessConn() (net.Conn, error) {
	return s.ns.Load().InProcessConn()
}
