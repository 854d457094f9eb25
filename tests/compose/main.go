// Command compose checks a compose file as `docker compose` loads it, and the Dockerfiles
// that it builds from. It prints the project as JSON, with everything filled in.
//
//	go run . docker-compose.yml
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: compose FILE")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(file string) error {
	project, err := load(file)
	if err != nil {
		return err
	}
	checked := map[string]bool{}
	for _, service := range project.Services {
		if service.Build == nil {
			continue
		}
		path := filepath.Join(service.Build.Context, service.Build.Dockerfile)
		if checked[path] {
			continue
		}
		checked[path] = true
		if err := dockerfile(path); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	json, err := project.MarshalJSON()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(append(json, '\n'))
	return err
}

// load reads the file against the schema, fills in variables of the environment and
// checks that what services refer to is there.
func load(file string) (*types.Project, error) {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithOsEnv)
	if err != nil {
		return nil, err
	}
	return options.LoadProject(context.Background())
}

// dockerfile parses every instruction; what the linter says is an error, too.
func dockerfile(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return err
	}
	var said error
	lint := linter.New(&linter.Config{
		Warn: func(rule, _, _, message string, _ []parser.Range) {
			said = fmt.Errorf("%s: %s", rule, message)
		},
	})
	if _, _, err := instructions.Parse(parsed.AST, lint); err != nil {
		return err
	}
	return said
}
