package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/esc"
	"github.com/pulumi/pulumi/sdk/v3/go/common/esc/schema"
)

//go:embed providers.json
var description []byte

// A part of providers.json: a schema, or the name of another part with the same schema.
type part json.RawMessage

func (p *part) UnmarshalJSON(text []byte) error {
	*p = append((*p)[:0], text...)
	return nil
}

type providers struct {
	Providers map[string]*provider `json:"providers"`
	Rotators  map[string]*rotator  `json:"rotators"`
}

type provider struct {
	Inputs  part           `json:"inputs"`
	Outputs part           `json:"outputs"`
	Does    string         `json:"does"`
	Answer  map[string]any `json:"answer"`
	Secrets []string       `json:"secrets"`

	inputs, outputs *schema.Schema
}

type rotator struct {
	Inputs  part `json:"inputs"`
	State   part `json:"state"`
	Outputs part `json:"outputs"`

	inputs, state, outputs *schema.Schema
	name                   string
}

func loadProviders() (*providers, error) {
	decoder := json.NewDecoder(bytes.NewReader(description))
	decoder.UseNumber()
	decoder.DisallowUnknownFields()
	all := &providers{}
	if err := decoder.Decode(all); err != nil {
		return nil, fmt.Errorf("reading providers.json: %w", err)
	}
	for name, provider := range all.Providers {
		parts := map[string]part{"inputs": provider.Inputs, "outputs": provider.Outputs}
		if err := compile(name, parts, map[string]**schema.Schema{
			"inputs": &provider.inputs, "outputs": &provider.outputs,
		}); err != nil {
			return nil, err
		}
	}
	for name, rotator := range all.Rotators {
		rotator.name = name
		parts := map[string]part{
			"inputs": rotator.Inputs, "state": rotator.State, "outputs": rotator.Outputs,
		}
		if err := compile(name, parts, map[string]**schema.Schema{
			"inputs": &rotator.inputs, "state": &rotator.state, "outputs": &rotator.outputs,
		}); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func compile(name string, parts map[string]part, compiled map[string]**schema.Schema) error {
	for key, target := range compiled {
		text := parts[key]
		var other string
		if json.Unmarshal(text, &other) == nil {
			text = parts[other]
		}
		parsed := &schema.Schema{}
		if err := json.Unmarshal(text, parsed); err != nil {
			return fmt.Errorf("%s of %s: %w", key, name, err)
		}
		if err := parsed.Compile(); err != nil {
			return fmt.Errorf("%s of %s: %w", key, name, err)
		}
		*target = parsed
	}
	return nil
}

func (p *providers) LoadProvider(_ context.Context, name string) (esc.Provider, error) {
	if provider, ok := p.Providers[name]; ok {
		return provider, nil
	}
	return nil, fmt.Errorf("unknown provider \"%s\"", name)
}

func (p *providers) LoadRotator(_ context.Context, name string) (esc.Rotator, error) {
	if rotator, ok := p.Rotators[name]; ok {
		return rotator, nil
	}
	return nil, fmt.Errorf("unknown rotator \"%s\"", name)
}

func (p *provider) Schema() (*schema.Schema, *schema.Schema) {
	return p.inputs, p.outputs
}

func (p *provider) Open(
	_ context.Context, inputs map[string]esc.Value, _ esc.EnvExecContext,
) (esc.Value, error) {
	switch p.Does {
	case "echo":
		return esc.NewValue(inputs), nil
	case "echoAsSecret":
		return esc.NewSecret(inputs), nil
	case "fail":
		why, _ := inputs["why"].Value.(string)
		return esc.Value{}, errors.New("the provider fails: " + why)
	case "answer":
		answer, err := esc.FromJSON(p.Answer)
		if err != nil {
			return esc.Value{}, err
		}
		properties := answer.Value.(map[string]esc.Value)
		for _, name := range p.Secrets {
			properties[name] = properties[name].MakeSecret()
		}
		return answer, nil
	default:
		return esc.Value{}, fmt.Errorf("providers.json: unknown behavior %q", p.Does)
	}
}

func (r *rotator) Schema() (*schema.Schema, *schema.Schema, *schema.Schema) {
	return r.inputs, r.state, r.outputs
}

// Open returns the state. echo rejects a next value outside of a rotation.
func (r *rotator) Open(
	_ context.Context, inputs, state map[string]esc.Value, _ esc.EnvExecContext,
) (esc.Value, error) {
	if next, ok := inputs["next"]; r.name == "echo" && ok && !next.Unknown {
		if next.Value != state["current"].Value {
			return esc.Value{}, errors.New("the next value was computed outside of a rotation")
		}
	}
	return esc.NewValue(state), nil
}

// Rotate is never called: opening does not rotate.
func (r *rotator) Rotate(
	context.Context, map[string]esc.Value, map[string]esc.Value, esc.EnvExecContext,
) (esc.Value, error) {
	return esc.Value{}, errors.New("rotation is not supported")
}
