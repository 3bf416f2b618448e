package apiclient_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/kumotrail/kumotrail/adapters/apiclient"
)

// standIn answers as a service does that knows one log.
func standIn() *httptest.Server {
	const one = `{"id":"019f9a4a-7a7b-a921-3818-aff1850ce7cf","message_id":"22a08300884d11f19005782d7e12e173",` +
		`"recipient":"frank@example.org","status":"bounced","response":"no such user","cause":"recipient"}`
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/kumomta/v1/logs", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"items":[%s],"next_cursor":""}`, one)
	})
	mux.HandleFunc("GET /api/kumomta/v1/logs/{id}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"title":"Not Found","status":404,"detail":"No log has this id.","request_id":"5f0c1d6a"}`)
	})
	mux.HandleFunc("GET /api/kumomta/v1/stream", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "id: 4711\nevent: bounce\ndata: %s\n\n", one)
	})
	mux.HandleFunc("POST /api/kumomta/webhook", func(w http.ResponseWriter, r *http.Request) {
		var records []json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&records); err != nil {
			log.Print(err)
		}
		fmt.Fprintf(w, `{"received":%d,"stored":%[1]d}`, len(records))
	})
	return httptest.NewServer(mux)
}

func ExampleClient_Logs() {
	service := standIn()
	defer service.Close()
	client, err := apiclient.New(service.URL, apiclient.Options{APIKey: "one-of-API_KEYS"})
	if err != nil {
		log.Fatal(err)
	}
	for l, err := range client.Logs(context.Background(), apiclient.LogFilter{Recipient: "frank@example.org"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(l.Recipient, l.Status, l.Cause, l.Response)
	}
	// Output: frank@example.org bounced recipient no such user
}

func ExampleProblem() {
	service := standIn()
	defer service.Close()
	client, err := apiclient.New(service.URL, apiclient.Options{})
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Log(context.Background(), "eml_406de800")
	var problem *apiclient.Problem
	if errors.As(err, &problem) && problem.Status == http.StatusNotFound {
		fmt.Println(problem.Detail)
	}
	fmt.Println(err)
	// Output:
	// No log has this id.
	// get a log: the service answered 404 Not Found: No log has this id. (request 5f0c1d6a)
}

// The id of what was heard last is where a later program goes on.
func ExampleClient_Stream() {
	service := standIn()
	defer service.Close()
	client, err := apiclient.New(service.URL, apiclient.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for heard, err := range client.Stream(context.Background(), apiclient.StreamFilter{Types: []string{"bounce", "oob"}}, "4710") {
		if err != nil {
			log.Fatal(err)
		}
		switch heard.Type {
		case apiclient.Reset:
			fmt.Println("some events are gone; export what became of their messages")
			continue
		case apiclient.End:
			continue // it connects again
		}
		event, err := heard.Announcement()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(heard.ID, heard.Type, event.Recipient, event.Cause)
		break
	}
	// Output: 4711 bounce frank@example.org recipient
}

func ExampleClient_Post() {
	service := standIn()
	defer service.Close()
	client, err := apiclient.New(service.URL, apiclient.Options{WebhookKey: "reloop"})
	if err != nil {
		log.Fatal(err)
	}
	receipt, err := client.Post(context.Background(), json.RawMessage(`{"type":"Delivery"}`), json.RawMessage(`{"type":"Bounce"}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("received", receipt.Received, "stored", receipt.Stored)
	// Output: received 2 stored 2
}
