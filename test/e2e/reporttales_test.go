package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// A tale is one message, delivered to a@example.org, the reports that come of
// it, and what is to be seen of both.
type tale struct {
	name     string
	original string   // fields of the message's records
	reports  []string // records
	want     string   // status and confidence of each of the message's logs, by recipient
	ties     string   // of each report the tie and the recipient
}

// ids of the nth tale: of its message, of its report, of other people's.
func messageID(n int) string { return fmt.Sprintf("%08x884d11f19001782d7e12e173", 0x10d1b680+n<<20) }
func reportID(n int) string  { return fmt.Sprintf("%08x885611f19007782d7e12e173", 0x60ee7000+n<<20) }
func othersID(n int) string  { return fmt.Sprintf("%08x884d11f19005782d7e12e173", 0x22a08300+n<<20) }

// oob is an out-of-band bounce, feedback a complaint that comes a day later.
func oob(n int, path, fields string) string {
	return rec(fmt.Sprintf(`"type":"OOB","id":%q,"sender":%q,"queue":"bounce.example.com","size":0,%s,%s,%s`,
		reportID(n), path, answer(550, "5.1.1", "no such user here"), at(50), joined(fields, `"headers":{}`)))
}

func feedback(n int, report, fields string) string {
	return rec(fmt.Sprintf(`"type":"Feedback","id":%q,"sender":"fbl@provider.example","recipient":"fbl@fbl.example.com",
		"queue":"fbl.example.com","response":{"code":250,"enhanced_code":null,"content":"","command":null},
		"event_time":"2026-07-26T18:20:00.010Z","timestamp":1785090000,"feedback_report":{%s},%s`,
		reportID(n), joined(report, `"feedback_type":"abuse","version":"1"`), joined(fields, `"headers":{}`)))
}

// joined has the fields of the first over those of the second.
func joined(first, second string) string {
	if first == "" {
		return second
	}
	return second + "," + first
}

func traced(id, recipient string) string {
	return fmt.Sprintf(`"supplemental_trace":{"recipient":%q,"x_msg_id":%q}`, recipient, id)
}

// returned is the message that a feedback report gives back.
func returned(headers ...string) string {
	text, err := json.Marshal(strings.Join(headers, "\n") + "\nSubject: Your order\n\nHello\n")
	if err != nil {
		panic(err) // a text always can
	}
	return `"original_message":` + string(text)
}

func reference64(id, recipient string) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"_@_":"\\_/","recipient":%q,"x_msg_id":%q}`, recipient, id))
}

func receivedBy(id, recipient string) string {
	return "Received: from app1.example.com (198.51.100.7)\n\tby mta1.example.com (KumoMTA 192.0.2.1)\n\twith ESMTP id " + id +
		"\n\tfor <" + recipient + ">;\n\tSat, 25 Jul 2026 17:20:00 +0000"
}

const toA = `"original_rcpto_to":["a@example.org"]`

// tales are those of the service with the key of the sample. n is the tale's
// number.
func tales() []tale {
	var all []tale
	add := func(name, want, ties string, reports func(n int) []string) {
		all = append(all, tale{name: name, want: want, ties: ties, reports: reports(len(all))})
	}
	one := func(name, want, ties string, report func(n int) string) {
		add(name, want, ties, func(n int) []string { return []string{report(n)} })
	}
	provenTales(one)
	claimedTales(one)
	unprovenTales(one)
	add("a complaint is above a late bounce", "a complained claimed", "verp a@example.org, trace a@example.org", func(n int) []string {
		return []string{oob(n, returnPath(messageID(n)), ""), feedback(n, traced(messageID(n), "a@example.org"), `"id":"`+othersID(n)+`"`)}
	})
	add("the first late bounce decides", "a bounced verified", "verp a@example.org, verp a@example.org", func(n int) []string {
		again := oob(n, returnPath(messageID(n)), `"id":"`+othersID(n)+`",`+answer(550, "5.2.2", "mailbox full"))
		return []string{again, oob(n, returnPath(messageID(n)), "")}
	})
	add("a notification that was received, and a relayed complaint", "a complained claimed", "verp a@example.org, trace a@example.org", func(n int) []string {
		dsn := rec(fmt.Sprintf(`"id":%q,"sender":"","recipient":%q,"queue":"bounce.example.com"`, reportID(n), returnPath(messageID(n))))
		arf := feedback(n, traced(messageID(n), "a@example.org"), `"id":"`+othersID(n)+`"`)
		relayed := rec(delivery + `,"id":"` + othersID(n) + `","recipient":"fbl@fbl.example.com"`)
		return []string{dsn, oob(n, returnPath(messageID(n)), ""), arf, relayed}
	})
	add("a report of a report", "a delivered", "verp a@example.org", func(n int) []string {
		dsn := rec(fmt.Sprintf(`"id":%q,"sender":"","recipient":%q`, othersID(n), returnPath(messageID(n))))
		return []string{dsn, oob(n, returnPath(othersID(n)), "")}
	})
	batch := len(all)
	add("a batched message, one of its recipients complains", "a delivered, b complained claimed", "trace b@example.org", func(n int) []string {
		trace := fmt.Sprintf(`"supplemental_trace":{"recipient":["a@example.org","b@example.org"],"x_msg_id":%q}`, messageID(n))
		return []string{feedback(n, trace+`,"original_rcpto_to":["<b@EXAMPLE.org>"]`, "")}
	})
	all[batch].original = `"recipient":["a@example.org","b@example.org"]`
	return all
}

type addTale func(name, want, ties string, report func(n int) string)

// provenTales are of return paths that are signed.
func provenTales(one addTale) {
	one("a signed return path", "a bounced verified", "verp a@example.org", func(n int) string {
		return oob(n, returnPath(messageID(n)), "")
	})
	one("a signed return path in capitals", "a bounced verified", "verp a@example.org", func(n int) string {
		return oob(n, strings.ToUpper(returnPath(messageID(n))), "")
	})
	one("a signed return path before what policy claims", "a bounced verified", "verp a@example.org", func(n int) string {
		return oob(n, returnPath(messageID(n)), `"meta":{"x_orig_id":"`+othersID(n)+`"}`)
	})
	one("a complaint with the signed return path", "a complained verified", "verp a@example.org", func(n int) string {
		return feedback(n, `"original_mail_from":"<`+returnPath(messageID(n))+`>",`+toA, "")
	})
	one("a complaint with the signed return path, a trace of the recipient and a name struck out", "a complained verified", "verp a@example.org", func(n int) string {
		return feedback(n, `"original_mail_from":"`+returnPath(messageID(n))+`","supplemental_trace":{"recipient":"a@example.org"},
			"original_rcpto_to":["redacted@example.org"]`, "")
	})
	one("a notification that names an address further on", "a delivered", "verp forwarded@elsewhere.example", func(n int) string {
		return oob(n, returnPath(messageID(n)), `"recipient":"forwarded@elsewhere.example"`)
	})
	one("a notification that names nobody", "a delivered", "verp -", func(n int) string {
		return oob(n, returnPath(messageID(n)), `"recipient":""`)
	})
	one("a return path with another mark", "a delivered", "-", func(n int) string {
		return oob(n, "b-"+messageID(n)+"-0123456789abcdef@bounce.example.com", "")
	})
	one("the mark of another message", "a delivered", "-", func(n int) string {
		return oob(n, "b-"+messageID(n)+"-"+mac(othersID(n))+"@bounce.example.com", "")
	})
	one("a mark that was cut", "a delivered", "-", func(n int) string {
		return oob(n, "b-"+messageID(n)+"-"+mac(messageID(n))[:8]+"@bounce.example.com", "")
	})
	one("the return path of the report itself", "a delivered", "-", func(n int) string {
		return oob(n, returnPath(reportID(n)), "")
	})
}

// claimedTales are of ties that anybody can write, and that are true.
func claimedTales(one addTale) {
	one("an id that policy found", "a bounced claimed", "policy_meta a@example.org", func(n int) string {
		return oob(n, "bounce@example.com", `"meta":{"x_orig_id":"`+messageID(n)+`"}`)
	})
	one("a trace", "a complained claimed", "trace a@example.org", func(n int) string {
		return feedback(n, traced(messageID(n), "a@EXAMPLE.org"), "")
	})
	one("a trace in the message that came back", "a complained claimed", "trace a@example.org", func(n int) string {
		return feedback(n, returned("X-KumoRef: "+reference64(messageID(n), "a@example.org")), "")
	})
	one("a Received header", "a complained claimed", "received a@example.org", func(n int) string {
		return feedback(n, returned(receivedBy(messageID(n), "a@example.org")), "")
	})
	one("a Message-ID", "a complained claimed", "message_id a@example.org", func(n int) string {
		return feedback(n, toA+","+returned("Message-ID: <"+messageID(n)+"@example.com>"), "")
	})
	one("a message of bytes", "a complained claimed", "received a@example.org", func(n int) string {
		message := receivedBy(messageID(n), "a@example.org") + "\nSubject: \xe9t\xe9\n\n\x00\xff\n"
		list := make([]int, len(message))
		for i := range list {
			list[i] = int(message[i])
		}
		bytes, _ := json.Marshal(list) // numbers always can
		return feedback(n, `"original_message":`+string(bytes), "")
	})
	one("a message of 5 MB", "a complained claimed", "received a@example.org", func(n int) string {
		return feedback(n, returned(receivedBy(messageID(n), "a@example.org"), "", strings.Repeat("x", 5<<20)), "")
	})
	one("5 MB before the headers that matter", "a delivered", "-", func(n int) string {
		return feedback(n, toA+","+returned("X-Long: "+strings.Repeat("x", 5<<20), "Message-ID: <"+messageID(n)+"@example.com>"), "")
	})
}

// unprovenTales are of claims that are not true, and of what is no complaint.
func unprovenTales(one addTale) {
	one("an id that policy found, and somebody else's address", "a delivered", "policy_meta victim@example.net", func(n int) string {
		return oob(n, "bounce@example.com", `"recipient":"victim@example.net","meta":{"x_orig_id":"`+messageID(n)+`"}`)
	})
	one("a trace of the message with somebody else's address", "a delivered", "trace victim@example.net", func(n int) string {
		return feedback(n, traced(messageID(n), "victim@example.net"), "")
	})
	one("a trace of a message that nobody knows", "a delivered", "trace a@example.org", func(n int) string {
		return feedback(n, traced(othersID(n), "a@example.org"), "")
	})
	one("a complaint of nobody", "a delivered", "trace -", func(n int) string {
		return feedback(n, `"supplemental_trace":{"x_msg_id":"`+messageID(n)+`"}`, "")
	})
	one("a recipient and no message", "a delivered", "-", func(n int) string { return feedback(n, toA, "") })
	one("a complaint without a report", "a delivered", "-", func(n int) string { return feedback(n, "", `"feedback_report":null`) })
	one("no spam", "a delivered", "trace a@example.org", func(n int) string {
		return feedback(n, `"feedback_type":"not-spam",`+traced(messageID(n), "a@example.org"), "")
	})
	one("failed authentication", "a delivered", "verp a@example.org", func(n int) string {
		return feedback(n, `"feedback_type":"auth-failure","original_mail_from":"`+returnPath(messageID(n))+`",`+toA, "")
	})
	one("a log hook's own message", "a delivered", "verp a@example.org", func(n int) string {
		return oob(n, returnPath(messageID(n)), `"reception_protocol":"LogRecord"`)
	})
}
