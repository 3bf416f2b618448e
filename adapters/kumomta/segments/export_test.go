package segments

// LimitTails makes s keep at most that many files open that may grow.
func LimitTails(s *Segments, most int) { s.config.openTails = most }
