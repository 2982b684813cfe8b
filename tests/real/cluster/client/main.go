// Package main is a long-lived client of the cluster, like Pulumi's Kubernetes provider. It reads the
// text of the kubeconfig from the variable KUBECONFIG_CONTENTS, and a request from each line of its
// standard input: `read NAME` or `write NAME`, for a config map of the namespace default. It answers
// each with a line of JSON: {"error": "…"}, which is empty on success.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	contents, err := clientcmd.Load([]byte(os.Getenv("KUBECONFIG_CONTENTS")))
	if err != nil {
		return err
	}
	config, err := clientcmd.NewDefaultClientConfig(*contents, nil).ClientConfig()
	if err != nil {
		return err
	}
	// The limits of Pulumi's provider.
	config.QPS, config.Burst = 50, 120
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		answer := struct {
			Error string `json:"error"`
		}{}
		if err := request(client, lines.Text()); err != nil {
			answer.Error = err.Error()
		}
		if err := answers.Encode(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

func request(client kubernetes.Interface, line string) error {
	verb, name, _ := strings.Cut(line, " ")
	maps := client.CoreV1().ConfigMaps("default")
	var err error
	switch verb {
	case "read":
		_, err = maps.Get(context.Background(), name, meta.GetOptions{})
	case "write":
		content := &core.ConfigMap{ObjectMeta: meta.ObjectMeta{Name: name}}
		_, err = maps.Create(context.Background(), content, meta.CreateOptions{})
	default:
		err = fmt.Errorf("unknown request %q", line)
	}
	return err
}
