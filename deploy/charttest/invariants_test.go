package charttest_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// TestPods checks what must be true of every pod, whatever is in it.
func TestPods(t *testing.T) {
	everySet(t, func(t *testing.T, _ string, set map[string]any) {
		o := installed(t, load(t), set)
		for name, pod := range o.pods() {
			spec := pod.Spec
			checkPodSecurity(t, name, spec)
			volumes := map[string]bool{}
			for _, v := range spec.Volumes {
				volumes[v.Name] = true
			}
			if s := o.statefulSets[strings.TrimPrefix(name, "StatefulSet ")]; s != nil {
				for _, claim := range s.Spec.VolumeClaimTemplates {
					volumes[claim.Name] = true
				}
			}
			for _, c := range spec.Containers {
				checkContainerSecurity(t, name, c)
				for _, mount := range c.VolumeMounts {
					if !volumes[mount.Name] {
						t.Errorf("%s mounts %s, which is no volume of the pod", name, mount.Name)
					}
				}
				if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() {
					t.Errorf("%s has no limit of memory, or no requests", name)
				}
				if c.ReadinessProbe == nil || c.LivenessProbe == nil {
					t.Errorf("%s has no probes", name)
				}
				if !strings.Contains(c.Image, ":") || strings.HasSuffix(c.Image, ":latest") {
					t.Errorf("%s runs the image %s, which says no version", name, c.Image)
				}
			}
		}
	})
}

// checkPodSecurity checks the restricted profile. https://kubernetes.io/docs/concepts/security/pod-security-standards/
func checkPodSecurity(t *testing.T, name string, spec core.PodSpec) {
	t.Helper()
	s := spec.SecurityContext
	if s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.RunAsUser == nil || *s.RunAsUser == 0 || s.FSGroup == nil {
		t.Errorf("%s may run as root", name)
	}
	if s == nil || s.SeccompProfile == nil || s.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault {
		t.Errorf("%s has no seccomp profile", name)
	}
	if spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken {
		t.Errorf("%s has a token of Kubernetes", name)
	}
	if spec.HostNetwork || spec.HostPID || spec.HostIPC {
		t.Errorf("%s shares its node's namespaces", name)
	}
	for _, v := range spec.Volumes {
		if v.HostPath != nil {
			t.Errorf("%s mounts a folder of its node", name)
		}
	}
}

func checkContainerSecurity(t *testing.T, name string, c core.Container) {
	t.Helper()
	s := c.SecurityContext
	switch {
	case s == nil:
		t.Errorf("%s says nothing of its security", name)
	case s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem:
		t.Errorf("%s may write its root file system", name)
	case s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || s.Privileged != nil && *s.Privileged:
		t.Errorf("%s may get privileges", name)
	case s.RunAsNonRoot == nil || !*s.RunAsNonRoot:
		t.Errorf("%s may run as root", name)
	case s.Capabilities == nil || !reflect.DeepEqual(s.Capabilities.Drop, []core.Capability{"ALL"}) || len(s.Capabilities.Add) > 0:
		t.Errorf("%s keeps capabilities", name)
	}
}

// TestObjectsFindEachOther follows every name and selector.
func TestObjectsFindEachOther(t *testing.T) {
	everySet(t, func(t *testing.T, _ string, set map[string]any) {
		o := installed(t, load(t), set)
		pods := o.pods()
		for from, selector := range o.selectors() {
			var found []string
			for name, pod := range pods {
				if selects(selector, pod.Labels) {
					found = append(found, name)
				}
			}
			if len(found) != 1 {
				t.Errorf("%s selects %v, want the pods of one", from, found)
			}
		}
		for name, s := range o.services {
			for _, port := range s.Spec.Ports {
				for owner, pod := range pods {
					if selects(s.Spec.Selector, pod.Labels) && !hasPort(pod, port.TargetPort) {
						t.Errorf("the service %s sends to the port %s, which %s does not have", name, port.TargetPort.String(), owner)
					}
				}
			}
		}
		for name, i := range o.ingresses {
			for _, rule := range i.Spec.Rules {
				backend := rule.HTTP.Paths[0].Backend.Service
				if s := o.services[backend.Name]; s == nil || s.Spec.Ports[0].Name != backend.Port.Name {
					t.Errorf("the ingress %s sends to %s:%s, which is not there", name, backend.Name, backend.Port.Name)
				}
			}
		}
		for name, a := range o.autoscalers {
			if o.deployments[a.Spec.ScaleTargetRef.Name] == nil {
				t.Errorf("the autoscaler %s scales %s, which is not there", name, a.Spec.ScaleTargetRef.Name)
			}
		}
		for name, m := range o.monitors {
			found := 0
			for _, s := range o.services {
				if selects(m.Spec.Selector.MatchLabels, s.Labels) && s.Spec.Ports[0].Name == m.Spec.Endpoints[0].Port {
					found++
				}
			}
			if found != 1 || m.Spec.Endpoints[0].Path != "/metrics" {
				t.Errorf("the monitor %s finds %d services", name, found)
			}
		}
		for name, s := range o.statefulSets {
			if o.services[s.Spec.ServiceName] == nil {
				t.Errorf("the stateful set %s has no service %s", name, s.Spec.ServiceName)
			}
		}
		checkReferences(t, o, set)
	})
}

func hasPort(pod core.PodTemplateSpec, port intstr.IntOrString) bool {
	for _, c := range pod.Spec.Containers {
		for _, p := range c.Ports {
			if p.Name == port.StrVal || p.ContainerPort == port.IntVal {
				return true
			}
		}
	}
	return false
}

// checkReferences looks for what pods take from objects: those of the release must be there with their key, others must be named by the values.
func checkReferences(t *testing.T, o *objects, set map[string]any) {
	t.Helper()
	named := flatten(set)
	secret := func(owner, name, key string) {
		if s := o.secrets[name]; s != nil {
			if len(s.Data[key]) == 0 {
				t.Errorf("%s takes %s of the secret %s, which has no such key", owner, key, name)
			}
		} else if !slices.Contains(named, name) {
			t.Errorf("%s takes the secret %s, which nobody makes", owner, name)
		}
	}
	for owner, pod := range o.pods() {
		if account := pod.Spec.ServiceAccountName; account != "" && o.accounts[account] == nil {
			t.Errorf("%s runs as %s, which is not there", owner, account)
		}
		for _, c := range pod.Spec.Containers {
			for _, e := range c.Env {
				if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
					secret(owner, e.ValueFrom.SecretKeyRef.Name, e.ValueFrom.SecretKeyRef.Key)
				}
			}
		}
		for _, v := range pod.Spec.Volumes {
			if v.ConfigMap != nil && o.configMaps[v.ConfigMap.Name] == nil {
				t.Errorf("%s mounts the ConfigMap %s, which is not there", owner, v.ConfigMap.Name)
			}
			if claim := v.PersistentVolumeClaim; claim != nil && o.claims[claim.ClaimName] == nil && !slices.Contains(named, claim.ClaimName) {
				t.Errorf("%s mounts the claim %s, which nobody makes", owner, claim.ClaimName)
			}
			if v.Projected != nil {
				for _, source := range v.Projected.Sources {
					secret(owner, source.Secret.Name, source.Secret.Items[0].Key)
				}
			}
		}
	}
}

// flatten returns every text in a tree.
func flatten(tree any) []string {
	var out []string
	switch tree := tree.(type) {
	case string:
		out = append(out, tree)
	case []any:
		for _, sub := range tree {
			out = append(out, flatten(sub)...)
		}
	case map[string]any:
		for _, sub := range tree {
			out = append(out, flatten(sub)...)
		}
	}
	return out
}

// TestScaling checks that what counts replicas agrees.
func TestScaling(t *testing.T) {
	everySet(t, func(t *testing.T, _ string, set map[string]any) {
		o := installed(t, load(t), set)
		d := o.deployment(t)
		if (d.Spec.Replicas != nil) == (len(o.autoscalers) > 0) {
			t.Errorf("the deployment says %v replicas beside %d autoscalers", d.Spec.Replicas, len(o.autoscalers))
		}
		least := int32(1)
		if d.Spec.Replicas != nil {
			least = *d.Spec.Replicas
		}
		most := least
		for _, a := range o.autoscalers {
			least, most = *a.Spec.MinReplicas, a.Spec.MaxReplicas
		}
		if (least > 1) != (len(o.budgets) == 1) {
			t.Errorf("%d replicas have %d disruption budgets", least, len(o.budgets))
		}
		for _, b := range o.budgets {
			if b.Spec.MaxUnavailable.IntVal >= least || b.Spec.MinAvailable != nil {
				t.Errorf("of %d replicas %s may be away", least, b.Spec.MaxUnavailable)
			}
		}
		onVolume := false
		for _, v := range d.Spec.Template.Spec.Volumes {
			onVolume = onVolume || v.Name == "state" && v.PersistentVolumeClaim != nil
		}
		if onVolume && (most > 1 || d.Spec.Strategy.Type != "Recreate") {
			t.Errorf("up to %d replicas, replaced by %s, share one volume", most, d.Spec.Strategy.Type)
		}
		if !onVolume && !strings.Contains(o.configuration(t), "store: ") {
			t.Error("what must not be forgotten is kept nowhere")
		}
	})
}

// TestCallboardPod checks probes, the end of a pod and the spreading.
func TestCallboardPod(t *testing.T) {
	everySet(t, func(t *testing.T, _ string, set map[string]any) {
		o := installed(t, load(t), set)
		pod := o.deployment(t).Spec.Template
		c := pod.Spec.Containers[0]
		for what, probe := range map[string]*core.Probe{"/healthz": c.LivenessProbe, "/readyz": c.ReadinessProbe} {
			if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != what || !hasPort(pod, probe.HTTPGet.Port) {
				t.Errorf("no probe asks %s", what)
			}
		}
		if c.StartupProbe == nil || c.StartupProbe.PeriodSeconds*c.StartupProbe.FailureThreshold < 60 {
			t.Error("a first start has less than a minute")
		}
		shutdown := read(t, o).Server.ShutdownTimeout.Duration().Seconds()
		pause := c.Lifecycle.PreStop.Sleep.Seconds
		// Two seconds are what the server takes for requests that it cuts off.
		if grace := *pod.Spec.TerminationGracePeriodSeconds; float64(grace) < float64(pause)+shutdown+2 {
			t.Errorf("the pod is killed after %d s, but pauses for %d s and then finishes requests for %v s", grace, pause, shutdown)
		}
		if spread := pod.Spec.TopologySpreadConstraints; len(spread) != 2 || !selects(spread[0].LabelSelector.MatchLabels, pod.Labels) {
			t.Errorf("the replicas are spread by %v", spread)
		}
		if o.accounts[pod.Spec.ServiceAccountName] == nil || *o.accounts[pod.Spec.ServiceAccountName].AutomountServiceAccountToken {
			t.Error("the service account has a token")
		}
	})
}
