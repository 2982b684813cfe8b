package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/esc"
	"github.com/pulumi/pulumi/sdk/v3/go/common/esc/ast"
	"github.com/pulumi/pulumi/sdk/v3/go/common/esc/eval"
	"github.com/pulumi/pulumi/sdk/v3/go/common/esc/syntax"
)

type request struct {
	Environments map[string]string `json:"environments"`
	Root         string            `json:"root"`
	Context      map[string]any    `json:"context"`
	ShowSecrets  bool              `json:"showSecrets"`
}

type answer struct {
	Revealed *string      `json:"revealed"`
	Redacted *string      `json:"redacted"`
	Check    *string      `json:"check"`
	Load     []diagnostic `json:"load"`
	Open     []diagnostic `json:"open"`
	Checked  []diagnostic `json:"checked"`
	Panic    string       `json:"panic,omitempty"`
}

type diagnostic struct {
	Severity    string  `json:"severity"`
	Summary     string  `json:"summary"`
	Environment *string `json:"environment,omitempty"`
	Begin       *[2]int `json:"begin,omitempty"`
	End         *[2]int `json:"end,omitempty"`
	Path        string  `json:"path"`
}

func readRequest(line []byte) (*request, error) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	decoder.DisallowUnknownFields()
	request := &request{}
	if err := decoder.Decode(request); err != nil {
		return nil, fmt.Errorf("reading a request: %w", err)
	}
	if _, ok := request.Environments[request.Root]; !ok {
		return nil, fmt.Errorf("reading a request: there is no environment %q", request.Root)
	}
	return request, nil
}

func (r *request) answer(providers eval.ProviderLoader) (result *answer, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			result, err = &answer{Panic: fmt.Sprint(reason)}, nil
		}
	}()
	declaration, load, err := r.load()
	if err != nil {
		return nil, err
	}
	result = &answer{Load: diagnostics(load)}
	if declaration == nil {
		return result, nil
	}
	execContext, err := r.execContext()
	if err != nil {
		return nil, err
	}
	checked, found := eval.CheckEnvironment(context.Background(), r.Root, declaration, rot128{},
		providers, r, execContext, r.ShowSecrets, eval.EvalOptions{})
	result.Checked = diagnostics(found)
	result.Check = text(checked, true)
	opened, found := r.open(declaration, providers, execContext)
	result.Open = diagnostics(found)
	result.Redacted = text(opened, true)
	result.Revealed = text(opened, false)
	return result, nil
}

func (r *request) bench(providers eval.ProviderLoader, iterations int) (int64, error) {
	execContext, err := r.execContext()
	if err != nil {
		return 0, err
	}
	round := func() error {
		declaration, _, err := r.load()
		if err == nil && declaration != nil {
			r.open(declaration, providers, execContext)
		}
		return err
	}
	if err := round(); err != nil {
		return 0, err
	}
	started := time.Now()
	for range iterations {
		if err := round(); err != nil {
			return 0, err
		}
	}
	return time.Since(started).Nanoseconds() / int64(iterations), nil
}

func (r *request) load() (*ast.EnvironmentDecl, syntax.Diagnostics, error) {
	return eval.LoadYAMLBytes(r.Root, []byte(r.Environments[r.Root]))
}

func (r *request) open(
	declaration *ast.EnvironmentDecl, providers eval.ProviderLoader, execContext *esc.ExecContext,
) (*esc.Environment, syntax.Diagnostics) {
	return eval.EvalEnvironment(context.Background(), r.Root, declaration, rot128{}, providers, r,
		execContext, eval.EvalOptions{TraceMode: eval.TraceModeNone})
}

func (r *request) execContext() (*esc.ExecContext, error) {
	values := map[string]esc.Value{}
	for name, value := range r.Context {
		value, err := esc.FromJSON(value)
		if err != nil {
			return nil, err
		}
		values[name] = value
	}
	return esc.NewExecContext(values)
}

// LoadEnvironment looks an import up among the definitions of the request.
func (r *request) LoadEnvironment(
	_ context.Context, name string,
) ([]byte, string, eval.Decrypter, error) {
	text, ok := r.Environments[name]
	if !ok {
		return nil, "", nil, fmt.Errorf("environment \"%s\" not found", name)
	}
	return []byte(text), name, rot128{}, nil
}

// AuthorizeImport lets every environment import every other.
func (r *request) AuthorizeImport(context.Context, string, string, bool) error {
	return nil
}

func text(environment *esc.Environment, redact bool) *string {
	if environment == nil {
		return nil
	}
	values, err := json.Marshal(esc.NewValue(environment.Properties).ToJSON(redact))
	if err != nil {
		// A number such as NaN, which JSON cannot represent.
		values = []byte(err.Error())
	}
	text := string(values)
	return &text
}

func diagnostics(list syntax.Diagnostics) []diagnostic {
	result := []diagnostic{}
	for _, original := range list {
		severity := map[int]string{1: "error", 2: "warning"}[int(original.Severity)]
		converted := diagnostic{
			Severity: severity, Summary: original.Summary, Path: original.Path,
		}
		if subject := original.Subject; subject != nil {
			converted.Environment = &subject.Filename
			converted.Begin = &[2]int{subject.Start.Line, subject.Start.Column}
			converted.End = &[2]int{subject.End.Line, subject.End.Column}
		}
		result = append(result, converted)
	}
	return result
}

// A rot128 decrypts by adding 128 to each byte.
type rot128 struct{}

func (rot128) Decrypt(_ context.Context, value []byte) ([]byte, error) {
	plain := make([]byte, len(value))
	for i, b := range value {
		plain[i] = b + 128
	}
	return plain, nil
}
