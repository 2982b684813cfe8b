// Pulumi's Kubernetes provider, as its own main package starts it. That package embeds two files that
// are generated before a build and are not in the module, and Go lets nothing be laid over a file of
// the module cache: so this is the main package, and the suite lays the two files over it.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

//go:embed schema-embed.json
var schema []byte

//go:embed terraform-mapping-embed.json
var terraformMapping []byte

func main() {
	provider.Serve("kubernetes", version.Version, schema, terraformMapping)
}
