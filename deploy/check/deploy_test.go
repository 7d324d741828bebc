// Package check_test holds the files of deploy against those who read them: the
// Containerfile against BuildKit's parser and linter, the manifests against
// Kubernetes' own types, decoded strictly, and what kubectl kustomize makes of
// them, where there is a kubectl. It is a module of its own, so that nobody
// else inherits these.
package check_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/yaml"
)

func TestContainerfileHasNothingToComplainOf(t *testing.T) {
	text, err := os.ReadFile("../Containerfile")
	require.NoError(t, err)
	assert.Empty(t, complaints(t, text))
	assert.NotEmpty(t, complaints(t, []byte("FROM debian as Base\nCMD ddc worker\n")), "the linter finds nothing at all")
	assert.NotEmpty(t, complaints(t, []byte("FORM debian\n")), "the parser finds nothing at all")

	stages, _, err := instructions.Parse(parsed(t, text), linter.New(&linter.Config{SkipAll: true}))
	require.NoError(t, err)
	user := ""
	for _, c := range stages[len(stages)-1].Commands {
		if u, ok := c.(*instructions.UserCommand); ok {
			user = u.User
		}
	}
	assert.Equal(t, "65532:65532", user, "not root")
}

func parsed(t *testing.T, text []byte) *parser.Node {
	t.Helper()
	result, err := parser.Parse(bytes.NewReader(text))
	require.NoError(t, err)
	return result.AST
}

// complaints are what BuildKit says of a Containerfile.
func complaints(t *testing.T, text []byte) (all []string) {
	t.Helper()
	result, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return []string{err.Error()}
	}
	for _, w := range result.Warnings {
		all = append(all, w.Short)
	}
	_, _, err = instructions.Parse(result.AST, linter.New(&linter.Config{ExperimentalAll: true, Warn: func(rule, _, _, said string, _ []parser.Range) {
		all = append(all, rule+": "+said)
	}}))
	if err != nil {
		all = append(all, err.Error())
	}
	return all
}

// strict decodes objects as the API server does, but that an unknown or
// repeated field is an error.
func strict(t *testing.T) runtime.Decoder {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, corev1.AddToScheme, policyv1.AddToScheme} {
		require.NoError(t, add(scheme))
	}
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}

// manifests are the objects of kubernetes, as they lie there.
func manifests(t *testing.T) map[string]runtime.Object {
	t.Helper()
	decoder := strict(t)
	files, err := filepath.Glob("../kubernetes/*.yaml")
	require.NoError(t, err)
	objects := map[string]runtime.Object{}
	for _, file := range files {
		name := filepath.Base(file)
		if name == "kustomization.yaml" {
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		objects[name], _, err = decoder.Decode(text, nil, nil)
		require.NoError(t, err, name)
	}
	return objects
}

func TestManifestsAreWhatKubernetesDecodes(t *testing.T) {
	objects := manifests(t)
	require.Len(t, objects, 3)
	_, _, err := strict(t).Decode([]byte("apiVersion: v1\nkind: Service\nspec: {clusterIp: None}\n"), nil, nil)
	assert.ErrorContains(t, err, "unknown field", "the decoder takes anything")

	var k struct{ Resources []string }
	text, err := os.ReadFile("../kubernetes/kustomization.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &k))
	for name := range objects {
		assert.Contains(t, k.Resources, name)
	}
}

// A worker needs no rights, so it has none: what the "restricted" standard for
// pods asks, and more.
func TestWorkersHaveNoRights(t *testing.T) {
	pod := manifests(t)["deployment.yaml"].(*appsv1.Deployment).Spec.Template.Spec
	assert.False(t, *pod.AutomountServiceAccountToken)
	assert.True(t, *pod.SecurityContext.RunAsNonRoot)
	assert.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.SecurityContext.SeccompProfile.Type)
	require.Len(t, pod.Containers, 1)
	c := pod.Containers[0]
	assert.True(t, *c.SecurityContext.ReadOnlyRootFilesystem)
	assert.False(t, *c.SecurityContext.AllowPrivilegeEscalation)
	assert.Equal(t, []corev1.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop)
	for _, resource := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		limit := c.Resources.Limits[resource]
		assert.False(t, limit.IsZero(), resource)
	}
	for _, mount := range c.VolumeMounts {
		at := slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == mount.Name })
		require.GreaterOrEqual(t, at, 0, mount.Name)
		assert.True(t, mount.ReadOnly || pod.Volumes[at].EmptyDir.SizeLimit != nil, "%s: bounded, or not written to", mount.Name)
	}
	for _, probe := range []*corev1.Probe{c.StartupProbe, c.ReadinessProbe, c.LivenessProbe} {
		assert.Contains(t, probe.Exec.Command, "health")
	}
	require.Len(t, c.Ports, 1)
	service := manifests(t)["service.yaml"].(*corev1.Service)
	assert.Equal(t, corev1.ClusterIPNone, service.Spec.ClusterIP, "headless")
	assert.Equal(t, c.Ports[0].Name, service.Spec.Ports[0].TargetPort.String())
	assert.Equal(t, c.Ports[0].ContainerPort, service.Spec.Ports[0].Port)
	assert.Empty(t, validation.NameIsDNSSubdomain(service.Name, false))
}

// Kubernetes has no anchors for what kustomize puts in, so its output is
// decoded too.
func TestKustomizeMakesOneSelectorOfAll(t *testing.T) {
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("there is no kubectl")
	}
	out, err := exec.CommandContext(t.Context(), kubectl, "kustomize", "../kubernetes").Output()
	require.NoError(t, err)
	labels := map[string]string{"app.kubernetes.io/name": "ddc-worker"}
	decoder, seen := strict(t), 0
	for document := range strings.SplitSeq(string(out), "\n---\n") {
		object, _, err := decoder.Decode([]byte(document), nil, nil)
		require.NoError(t, err)
		seen++
		switch o := object.(type) {
		case *appsv1.Deployment:
			assert.Equal(t, labels, o.Spec.Selector.MatchLabels)
			assert.Equal(t, labels, o.Spec.Template.Labels)
		case *corev1.Service:
			assert.Equal(t, labels, o.Spec.Selector)
		case *policyv1.PodDisruptionBudget:
			assert.Equal(t, labels, o.Spec.Selector.MatchLabels)
		}
	}
	assert.Equal(t, 3, seen)
}
