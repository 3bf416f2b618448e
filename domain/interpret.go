package domain

// Interpreter makes out what events mean: it fills in what EmailEvent says an
// Interpreter makes. Safe for concurrent use.
type Interpreter struct {
	classifier *Classifier
	providers  *Providers
	paths      *ReturnPaths
}

// NewInterpreter takes what is to be known; what is nil is not known.
func NewInterpreter(c *Classifier, p *Providers, paths *ReturnPaths) *Interpreter {
	return &Interpreter{c, p, paths}
}

// Interpret works on what the record says, and gives the same for all copies of
// a record but for what those disagree on: meta, and the MTA's own class.
func (i *Interpreter) Interpret(e *EmailEvent) {
	if i == nil {
		return
	}
	if e.Report != nil {
		e.Original = originalOf(e, i.paths)
	}
	_, e.OfReport = i.paths.Verify(e.Recipient)
	e.Provider = providerOf(e, i.providers)
	if i.classifier == nil || e.FromLogHook() { // whose failures are no mail's
		return
	}
	answer := AnswerOf(e)
	if e.Verdict = i.classifier.Classify(&answer); e.Verdict.Cause != "" {
		e.ResponseHash = ResponseHash(e.Response.Content)
	}
}
