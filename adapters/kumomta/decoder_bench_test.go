package kumomta

import "testing"

func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"modern.jsonl", "modern-lua-array.json"} {
		text := sample(b, name)
		b.Run(name, func(b *testing.B) {
			records := 0
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				for batch := range (Decoder{}).Decode(text) {
					records += batch.Records
				}
			}
			b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
