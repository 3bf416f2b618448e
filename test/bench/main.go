// Command bench measures kumotrail on this machine and prints tables. What is
// compared runs in turn within one run, on the same records; figures are medians
// of all rounds. It asserts nothing.
//
// Run it by `make bench`, which also builds the binary that it starts.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime"
	"slices"
)

// options are the command line's.
type options struct {
	binary string
	rounds int
	units  int
	suite  string
	// Of the suite on PostgreSQL.
	postgres  string
	sustained int
	grown     int
	lean      bool
	// Of the suite of log files.
	logged int
	// Of the suite of the API.
	events int
	only   string
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "bin/kumotrail", "the kumotrail to start")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds of which medians are taken; 0 for what takes none, the sustained run of PostgreSQL")
	flag.IntVar(&o.units, "units", 80, "units of 500 records a round")
	flag.StringVar(&o.suite, "suite", "all", "what to measure: embedded, postgres, replay, all of these, or api")
	flag.StringVar(&o.postgres, "postgres", "", "URL of a PostgreSQL to measure; without, one is started")
	flag.IntVar(&o.sustained, "sustained", 2_500_000, "records of the sustained run, 0 for none")
	flag.IntVar(&o.grown, "grown", 0, "records to store before the last million is measured, as 20000000; 0 for none")
	flag.BoolVar(&o.lean, "lean", false, "measure PostgreSQL without what only lists and statistics need")
	flag.IntVar(&o.logged, "logged", 300_000, "records of the large log segment, of about 1 kB each, as 10000000; 0 for none")
	flag.IntVar(&o.events, "events", 10_000_000, "events of 90 days that the API is asked about; a server given with -postgres keeps them")
	flag.StringVar(&o.only, "only", "", "questions to the API that are asked, as a regular expression")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	for _, suite := range []struct {
		name    string
		measure func(context.Context, options) error
	}{{"embedded", embedded}, {"postgres", postgres}, {"replay", replay}, {"api", api}} {
		if o.suite != suite.name && (o.suite != "all" || suite.name == "api") {
			continue
		}
		if err := suite.measure(ctx, o); err != nil {
			stop()
			log.Fatal(err)
		}
	}
}

// series are the figures of one measurement, one a round.
type series []float64

func (s series) median() float64 {
	sorted := slices.Sorted(slices.Values(s))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// table prints rows of a name, a median and its spread.
type table struct{ rows [][3]string }

func (t *table) add(name string, s series, unit string) {
	t.rows = append(t.rows, [3]string{
		name, fmt.Sprintf("%.4g %s", s.median(), unit),
		fmt.Sprintf("%.4g to %.4g", slices.Min(s), slices.Max(s)),
	})
}

func (t *table) print(title string) {
	fmt.Printf("\n%s (%d cores, %s)\n\n| measured | median | from, to |\n|---|---|---|\n", title, runtime.NumCPU(), runtime.Version())
	for _, r := range t.rows {
		fmt.Printf("| %s | %s | %s |\n", r[0], r[1], r[2])
	}
}
