package natsbus

import (
	"fmt"
	"testing"
)

func BenchmarkPayload(b *testing.B) {
	events := newEvents(500)
	e := newEncoder()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		e.encode(&events[i%len(events)], maxPayload)
		i++
	}
	b.SetBytes(int64(e.size()))
}

// BenchmarkPublish publishes batches as the relay does; msgs/s is the figure.
func BenchmarkPublish(b *testing.B) {
	for _, size := range []int{1, 50, 500, 5000} {
		b.Run(fmt.Sprint("batch", size), func(b *testing.B) {
			bus := startBus(b, b.TempDir())
			publish(b, bus.pub, newEvents(1)) // makes the stream
			all := eventsFrom(1, b.N*size)
			b.ResetTimer()
			for i := range b.N {
				publish(b, bus.pub, all[i*size:(i+1)*size])
			}
			b.ReportMetric(float64(len(all))/b.Elapsed().Seconds(), "msgs/s")
		})
	}
}
