#!/bin/sh
# Writes the states beside this script with the Pulumi CLI named by the first argument.
set -eu
pulumi=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME="$work" PULUMI_HOME="$work/.pulumi" PULUMI_SKIP_UPDATE_CHECK=true
export PULUMI_CONFIG_PASSPHRASE='correct horse' PULUMI_DIY_BACKEND_IGNORE_DEPRECATION_ERROR=true
sig=4dabf18193072939515e22adb298388d
secret="\"$sig\":\"1b47061264138c4ac30d75fd1eb44270\",\"plaintext\""
quoted='\"4dabf18193072939515e22adb298388d\":\"1b47061264138c4ac30d75fd1eb44270\",\"plaintext\"'
cluster='{\"name\":\"eks\",\"cluster\":{\"server\":\"https://0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com\"}}'

# make FOLDER SETTING MORE-OUTPUTS
make() {
  rm -rf "${here:?}/$1"
  mkdir -p "$here/$1" "$work/project"
  cd "$work/project"
  printf 'name: eks-cluster\nruntime: go\n' > Pulumi.yaml
  rm -f Pulumi.demo.yaml
  backend="file://$here/$1"
  env "$2" PULUMI_BACKEND_URL="$backend" "$pulumi" stack init demo --non-interactive
  salt=$(sed -n 's/^encryptionsalt: //p' Pulumi.demo.yaml)
  cat > state.json <<EOF
{"version":3,"deployment":{"manifest":{"time":"2026-01-01T00:00:00Z","magic":"","version":""},
"secrets_providers":{"type":"passphrase","state":{"salt":"$salt"}},
"resources":[{"urn":"urn:pulumi:demo::eks-cluster::pulumi:pulumi:Stack::eks-cluster-demo",
"custom":false,"type":"pulumi:pulumi:Stack","outputs":{
"kubeconfig":{$secret:"{\"apiVersion\":\"v1\",\"kind\":\"Config\",\"clusters\":[$cluster]}"},
"clusterName":"eks-demo","nothing":null,
"nodes":{"count":3,"ratio":0.5,"labels":["a","b"],"token":{$secret:"\"hunter2\""}},
"asset":{"$sig":"c44067f5952c0a294b673a41bacd8c17","text":"text",
"hash":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
$3"nested":{$secret:"[{$quoted:\"\\\\\"hunter3\\\\\"\"}]"}}}]}}
EOF
  env "$2" PULUMI_BACKEND_URL="$backend" "$pulumi" stack import --stack demo --file state.json --non-interactive
  env "$2" PULUMI_BACKEND_URL="$backend" "$pulumi" stack output --stack demo --json --show-secrets --non-interactive
  find "$here/$1" \( -name '*.attrs' -o -name '*.bak' -o -path '*/history/*' -o -path '*/locks/*' \) -type f -delete
  find "$here/$1" -type d -empty -delete
}

make projects PULUMI_DIY_BACKEND_GZIP=false ''
make packed PULUMI_DIY_BACKEND_GZIP=true \
  "\"bytes\":{\"$sig\":\"803fd3297a5875dc03ca845dda5d2a98\",\"value\":\"eP8=\"},\"later\":\"04da6b54-80e4-46f7-96ec-b56ff0331ba9\","
make legacy PULUMI_DIY_BACKEND_LEGACY_LAYOUT=true ''
make unprotected PULUMI_CONFIG_PASSPHRASE= ''
make zstd PULUMI_DIY_BACKEND_ZSTD=true ''
