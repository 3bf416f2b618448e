package rulebook_test

import (
	"runtime"
	"testing"

	"github.com/kumotrail/kumotrail/adapters/rulebook"
	"github.com/kumotrail/kumotrail/domain"
)

// BenchmarkClassify classifies the tests of all rules.
func BenchmarkClassify(b *testing.B) {
	c := classifier(b)
	var answers []domain.Answer
	for _, r := range rules(b) {
		for _, test := range r.Tests {
			answers = append(answers, answerOf(&r, test))
		}
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		c.Classify(&answers[n%len(answers)])
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "responses/s")
}

// BenchmarkStart is what a start of the service pays: files parsed, classifier
// made. It also says what the classifier holds in memory.
func BenchmarkStart(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rulebook.Classifier(); err != nil {
			b.Fatal(err)
		}
	}
	before := heap()
	c := classifier(b)
	b.ReportMetric(float64(heap()-before)/1024, "KiB-held")
	runtime.KeepAlive(c)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
