package httpapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

type suppressionsInput struct {
	Reason string `query:"reason" enum:"manual,hard_bounce,complaint,unsubscribe,invalid" example:"complaint" doc:"Why the addresses must not be mailed."`
	Domain string `query:"domain" minLength:"1" maxLength:"255" example:"example.org" doc:"What stands behind the @, in any case."`
	Format string `query:"format" enum:"json,csv" default:"json" example:"json" doc:"The form of the answer. As csv it is the whole list, without pages."`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" example:"50" doc:"How many a page has at most."`
	Cursor string `query:"cursor" minLength:"1" maxLength:"2048" example:"ZnJhbmtAZXhhbXBsZS5vcmc" doc:"The next_cursor of the page before."`
}

func (in *suppressionsInput) filter() ports.SuppressionFilter {
	return ports.SuppressionFilter{Reason: domain.SuppressionReason(in.Reason), Domain: strings.ToLower(in.Domain)}
}

// after returns the address that the page goes on behind.
func (in *suppressionsInput) after() (string, error) {
	if in.Cursor == "" {
		return "", nil
	}
	address, err := behind(in.Cursor)
	if err != nil {
		return "", err
	}
	if normal, err := domain.SuppressionAddress(address); err != nil || normal != address {
		return "", badRequest(badCursor)
	}
	return address, nil
}

type suppressionPage struct {
	Items      []SuppressionLine `json:"items" doc:"In order of address."`
	NextCursor string            `json:"next_cursor" doc:"Of the next page, empty at the end."`
}

func newSuppressionPage(page []domain.Suppression, next string) suppressionPage {
	answer := suppressionPage{Items: make([]SuppressionLine, len(page)), NextCursor: newCursor(next)}
	for i := range page {
		answer.Items[i] = newSuppressionLine(&page[i])
	}
	return answer
}

// registerSuppressionList adds the list in pages, and as CSV.
func registerSuppressionList(api huma.API, list *application.Suppressions, log *slog.Logger) {
	register(api, huma.Operation{
		OperationID: "listSuppressions", Method: http.MethodGet, Path: "/suppressions", Tags: []string{"Suppressions"},
		Summary: "List addresses that must not be mailed",
		Description: "Answers with the addresses that the filters choose, in order of address, with why and since when. " +
			"As CSV the cells are safe to open in a spreadsheet: what would be a formula there has an apostrophe before it.",
		Responses: map[string]*huma.Response{"200": {
			Description: "The addresses.", Headers: headersOf(http.StatusOK),
			Content: map[string]*huma.MediaType{
				"application/json": {
					Schema:  schemaOf[suppressionPage](api),
					Example: newSuppressionPage([]domain.Suppression{exampleSuppression()}, exampleSuppression().Address),
				},
				csvType: {
					Schema:  &huma.Schema{Type: huma.TypeString, Description: "One address a line, behind a line with the names of the columns."},
					Example: exampleSuppressionsCSV,
				},
			},
		}},
	}, nil, func(ctx context.Context, in *suppressionsInput) (*huma.StreamResponse, error) {
		after, err := in.after()
		switch {
		case err != nil:
			return nil, err
		case in.Format == "csv" && after != "":
			return nil, badRequest("cursor has no meaning with format csv, which is the whole list")
		case in.Format == "csv":
			return stream(csvType, func(c *gin.Context) { writeSuppressionsCSV(c, list, in.filter(), log) }), nil
		}
		page, next, err := list.Page(ctx, in.filter(), after, in.Limit)
		if err != nil {
			return nil, err
		}
		return stream("application/json", func(c *gin.Context) {
			_ = json.NewEncoder(c.Writer).Encode(newSuppressionPage(page, next)) // the client may have left
		}), nil
	})
}
