package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Where else the cases of docs/cases.md are tested, by number.
var coveredBy = map[int][]string{
	1:  {"TestSampleMessagesHaveTheFatesWorkedOutByHand", "TestRecipientHasManyShapes"},
	3:  {"TestLuaCopyIsTheSameEvents", "TestLinesAndTheirLuaCopyAreTheSameEvents"},
	4:  {"TestEveryBodyFormSaysTheSame", "TestWebhookCountsRecords"},
	5:  {"TestOneBadRecordIn500CostsNoOther", "TestTextsAreValidAndWithoutNUL"},
	6:  {"TestApplicationIDIsFoundByPrecedence"},
	8:  {"TestRecordsOfTheOldEraBecomeTheirLogs", "TestEventTimeMayHaveAnyNumberOfDigits"},
	9:  {"TestOneBadRecordIn500CostsNoOther", "TestBrokenArraysAndCutLinesKeepTheirWholeRecords"},
	10: {"TestOrderRepetitionAndGroupingDoNotMatter", "TestKillsWhilePostingLoseNothingAndDoubleNothing"},
	11: {"TestCopiesOfAnEventShareItsID"},
	12: {"TestOrderRepetitionAndGroupingDoNotMatter", "TestFoldIsTheSameForAnyOrderAndRepetition"},
	14: {"TestEventsOfTwoNodesDiffer"},
	15: {"TestTransfersLinkTheIdsOfAMessageInAnyOrder"},
	16: {"TestLogOfEachTypeHasItsStatusTimesAndAttempts"},
	17: {"TestRecordsOfALogHookAreTakenAsSuch"},
	18: {"TestReportsAreTiedAsFarAsIsProven", "TestTimelinesShowTheReportsThatAreTied"},
	19: {"TestFailuresMeanWhatAPostmasterWouldSay"},
	21: {"TestLoginSecretsAreKeptNowhere", "TestSecretsAreInNoEvent", "TestSecretsAreInNoReject"},
	23: {
		"TestWithoutTheKeyTheBodyStaysUnreadAndNothingIsWritten", "TestSlowClientsTakeNoMoreThanMayBeHeld",
		"TestAStoreThatCannotCommitIs503AndLaterTakesAll", "TestOtherMethodsPathsAndEncodingsAreProblems",
	},
}

// The replay of log files is not part of the service yet.
var notYet = map[int]bool{24: true}

func TestEveryCaseIsTested(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/cases.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := testNames(t)
	inTable := map[int]bool{}
	for _, c := range trickyCases {
		inTable[c.number] = true
	}
	found := 0
	for _, m := range regexp.MustCompile(`(?m)^(\d+)\. `).FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		found++
		if !inTable[n] && len(coveredBy[n]) == 0 && !notYet[n] {
			t.Errorf("case %d is tested nowhere", n)
		}
		for _, name := range coveredBy[n] {
			if !tests[name] {
				t.Errorf("case %d: there is no %s", n, name)
			}
		}
	}
	if found < 24 {
		t.Errorf("%d cases in docs/cases.md, want 24 at least", found)
	}
}

// testNames are the names of all tests of the module.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range function.FindAllStringSubmatch(string(text), -1) {
			names[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
