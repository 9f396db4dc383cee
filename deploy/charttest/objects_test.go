package charttest_test

import (
	"fmt"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// serviceMonitor is as much of the Prometheus operator's type of that name as the chart may use; the operator's own module brings half of Kubernetes along.
// https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.ServiceMonitor
type serviceMonitor struct {
	meta.TypeMeta   `json:",inline"`
	meta.ObjectMeta `json:"metadata"`
	Spec            struct {
		Selector  meta.LabelSelector `json:"selector"`
		Endpoints []struct {
			Port     string `json:"port"`
			Path     string `json:"path"`
			Interval string `json:"interval"`
		} `json:"endpoints"`
	} `json:"spec"`
}

// objects are the objects of one release, by kind and name.
type objects struct {
	deployments  map[string]*apps.Deployment
	statefulSets map[string]*apps.StatefulSet
	services     map[string]*core.Service
	configMaps   map[string]*core.ConfigMap
	secrets      map[string]*core.Secret
	accounts     map[string]*core.ServiceAccount
	claims       map[string]*core.PersistentVolumeClaim
	ingresses    map[string]*networking.Ingress
	policies     map[string]*networking.NetworkPolicy
	budgets      map[string]*policy.PodDisruptionBudget
	autoscalers  map[string]*autoscaling.HorizontalPodAutoscaler
	monitors     map[string]*serviceMonitor
	all          map[string]meta.ObjectMeta // "Kind name"
}

// decode decodes what was rendered. A key that the type does not have, or has twice, is an error.
func decode(t *testing.T, files map[string]string) *objects {
	t.Helper()
	o := &objects{all: map[string]meta.ObjectMeta{}}
	for file, text := range files {
		if !strings.HasSuffix(file, ".yaml") {
			continue
		}
		for _, document := range strings.Split("\n"+text, "\n---\n") {
			var kind meta.TypeMeta
			if err := yaml.Unmarshal([]byte(document), &kind); err != nil {
				t.Fatalf("%s: %v\n%s", file, err, document)
			}
			var err error
			switch kind.APIVersion + " " + kind.Kind {
			case " ":
				continue // nothing rendered
			case "apps/v1 Deployment":
				err = add(o, &o.deployments, document, func(d *apps.Deployment) meta.ObjectMeta { return d.ObjectMeta })
			case "apps/v1 StatefulSet":
				err = add(o, &o.statefulSets, document, func(d *apps.StatefulSet) meta.ObjectMeta { return d.ObjectMeta })
			case "v1 Service":
				err = add(o, &o.services, document, func(d *core.Service) meta.ObjectMeta { return d.ObjectMeta })
			case "v1 ConfigMap":
				err = add(o, &o.configMaps, document, func(d *core.ConfigMap) meta.ObjectMeta { return d.ObjectMeta })
			case "v1 Secret":
				err = add(o, &o.secrets, document, func(d *core.Secret) meta.ObjectMeta { return d.ObjectMeta })
			case "v1 ServiceAccount":
				err = add(o, &o.accounts, document, func(d *core.ServiceAccount) meta.ObjectMeta { return d.ObjectMeta })
			case "v1 PersistentVolumeClaim":
				err = add(o, &o.claims, document, func(d *core.PersistentVolumeClaim) meta.ObjectMeta { return d.ObjectMeta })
			case "networking.k8s.io/v1 Ingress":
				err = add(o, &o.ingresses, document, func(d *networking.Ingress) meta.ObjectMeta { return d.ObjectMeta })
			case "networking.k8s.io/v1 NetworkPolicy":
				err = add(o, &o.policies, document, func(d *networking.NetworkPolicy) meta.ObjectMeta { return d.ObjectMeta })
			case "policy/v1 PodDisruptionBudget":
				err = add(o, &o.budgets, document, func(d *policy.PodDisruptionBudget) meta.ObjectMeta { return d.ObjectMeta })
			case "autoscaling/v2 HorizontalPodAutoscaler":
				err = add(o, &o.autoscalers, document, func(d *autoscaling.HorizontalPodAutoscaler) meta.ObjectMeta { return d.ObjectMeta })
			case "monitoring.coreos.com/v1 ServiceMonitor":
				err = add(o, &o.monitors, document, func(d *serviceMonitor) meta.ObjectMeta { return d.ObjectMeta })
			default:
				err = fmt.Errorf("no type is known for %s %s", kind.APIVersion, kind.Kind)
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", file, err, document)
			}
		}
	}
	return o
}

func add[T any](o *objects, to *map[string]*T, document string, metadata func(*T) meta.ObjectMeta) error {
	object := new(T)
	if err := yaml.UnmarshalStrict([]byte(document), object); err != nil {
		return err
	}
	m := metadata(object)
	kind := fmt.Sprintf("%T", *object)
	kind = kind[strings.LastIndex(kind, ".")+1:] + " " + m.Name
	if _, twice := o.all[kind]; twice || m.Name == "" {
		return fmt.Errorf("%s is there twice, or has no name", kind)
	}
	o.all[kind] = m
	if *to == nil {
		*to = map[string]*T{}
	}
	(*to)[m.Name] = object
	return nil
}

// deployment returns Callboard's own.
func (o *objects) deployment(t *testing.T) *apps.Deployment {
	t.Helper()
	if len(o.deployments) != 1 {
		t.Fatalf("there are %d deployments", len(o.deployments))
	}
	for _, d := range o.deployments {
		return d
	}
	return nil
}

// configuration returns the text of callboard.yaml.
func (o *objects) configuration(t *testing.T) string {
	t.Helper()
	for _, m := range o.configMaps {
		if text := m.Data["callboard.yaml"]; text != "" {
			return text
		}
	}
	t.Fatal("there is no callboard.yaml")
	return ""
}

// pods are the templates of pods, by the kind and name of what makes them.
func (o *objects) pods() map[string]core.PodTemplateSpec {
	out := map[string]core.PodTemplateSpec{}
	for name, d := range o.deployments {
		out["Deployment "+name] = d.Spec.Template
	}
	for name, s := range o.statefulSets {
		out["StatefulSet "+name] = s.Spec.Template
	}
	return out
}

// selectors are what selects pods, by kind and name.
func (o *objects) selectors() map[string]map[string]string {
	out := map[string]map[string]string{}
	for name, d := range o.deployments {
		out["Deployment "+name] = d.Spec.Selector.MatchLabels
	}
	for name, s := range o.statefulSets {
		out["StatefulSet "+name] = s.Spec.Selector.MatchLabels
	}
	for name, s := range o.services {
		out["Service "+name] = s.Spec.Selector
	}
	for name, b := range o.budgets {
		out["PodDisruptionBudget "+name] = b.Spec.Selector.MatchLabels
	}
	for name, p := range o.policies {
		out["NetworkPolicy "+name] = p.Spec.PodSelector.MatchLabels
	}
	return out
}

// selects tells whether labels have everything that the selector asks for.
func selects(selector, labels map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return len(selector) > 0
}
