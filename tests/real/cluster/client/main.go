// Package main is a long-lived client of the cluster, like Pulumi's Kubernetes provider. It reads the
// text of the kubeconfig from the variable KUBECONFIG_CONTENTS. suite/client.py describes the protocol.
// Its further requests are `read NAME` and `write NAME`, for a config map of the namespace default.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
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
			Names []string `json:"names,omitempty"`
			Error string   `json:"error,omitempty"`
		}{}
		answer.Names, err = request(client, lines.Text())
		if err != nil {
			answer.Error = err.Error()
		}
		if err := answers.Encode(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

func request(client kubernetes.Interface, line string) ([]string, error) {
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
		return list(client, line)
	}
	return nil, err
}

func list(client kubernetes.Interface, line string) ([]string, error) {
	count, err := strconv.Atoi(line)
	if err != nil {
		return nil, err
	}
	type result struct {
		maps *core.ConfigMapList
		err  error
	}
	results := make(chan result, count)
	for range count {
		go func() {
			maps, err := client.CoreV1().ConfigMaps("default").List(context.Background(), meta.ListOptions{})
			results <- result{maps, err}
		}()
	}
	var names []string
	for range count {
		result := <-results
		if result.err != nil {
			return nil, result.err
		}
		names = nil
		for _, item := range result.maps.Items {
			names = append(names, item.Name)
		}
	}
	return names, nil
}
