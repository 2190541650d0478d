// Runs conformance cases through the official Go SDK.
//
// Reads the JSON lines of ../README.md from standard input and answers each
// case and each look-up with one line. Events are made by the SDK's event
// package from a project config that the SDK made of the datafile; its batch
// processor hands them to a dispatcher that records.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"

	jsoniter "github.com/json-iterator/go"
	"github.com/optimizely/go-sdk/v2/pkg/config"
	"github.com/optimizely/go-sdk/v2/pkg/entities"
	"github.com/optimizely/go-sdk/v2/pkg/event"
	"github.com/optimizely/go-sdk/v2/pkg/logging"
)

// The SDK's own way to write a request.
var wire = jsoniter.ConfigCompatibleWithStandardLibrary

// Keeps the bytes of a string that are not UTF-8, and numbers as they stand.
var lines = jsoniter.Config{UseNumber: true}.Froze()

type pair [3]string // key, kind, text

type decision struct {
	Experiment *string `json:"experiment"`
	Variation  *string `json:"variation"`
	FlagKey    string  `json:"flag_key"`
	RuleKey    string  `json:"rule_key"`
	RuleType   string  `json:"rule_type"`
	Enabled    bool    `json:"enabled"`
}

type step struct {
	In         string  `json:"in"`
	User       string  `json:"user"`
	Attributes []pair  `json:"attributes"`
	UUID       *string `json:"uuid"`
	Time       *string `json:"time"`
	Conversion *struct {
		Key  string `json:"key"`
		Tags []pair `json:"tags"`
	} `json:"conversion"`
	Impression *decision `json:"impression"`
}

type line struct {
	Datafile *string `json:"datafile"`
	Text     string  `json:"text"`

	Case     *string  `json:"case"`
	Batch    int      `json:"batch"`
	Queue    int      `json:"queue"`
	Endpoint string   `json:"endpoint"`
	Answers  []string `json:"answers"`
	Steps    []step   `json:"steps"`

	Lookup      *string     `json:"lookup"`
	Attributes  []string    `json:"attributes"`
	Events      []string    `json:"events"`
	Experiments []string    `json:"experiments"`
	Variations  [][2]string `json:"variations"`
}

type silence struct{}

func (silence) Log(logging.LogLevel, string, map[string]interface{}) {}
func (silence) SetLogLevel(logging.LogLevel)                         {}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// The project of a datafile, with the experiments of its rollouts by key: the
// SDK's config has them only within their rollouts.
type project struct {
	config.ProjectConfig
	deliveries map[string]entities.Experiment
}

func newProject(text string) (*project, error) {
	manager, err := config.NewStaticProjectConfigManagerFromPayload(
		[]byte(text), logging.GetLogger("", "config"))
	if err != nil {
		return nil, err
	}
	p := &project{deliveries: map[string]entities.Experiment{}}
	if p.ProjectConfig, err = manager.GetConfig(); err != nil {
		return nil, err
	}
	for _, rollout := range p.GetRolloutList() {
		for _, experiment := range rollout.Experiments {
			p.deliveries[experiment.Key] = experiment
		}
	}
	return p, nil
}

func (p *project) experiment(key string) (entities.Experiment, bool) {
	if found, ok := p.deliveries[key]; ok {
		return found, true
	}
	found, err := p.GetExperimentByKey(key)
	return found, err == nil
}

func variationOf(experiment entities.Experiment, key string) (
	entities.Variation, bool) {
	id, ok := experiment.VariationKeyToIDMap[key]
	if !ok {
		return entities.Variation{}, false
	}
	found, ok := experiment.Variations[id]
	return found, ok
}

func valueOf(kind, text string) interface{} {
	switch kind {
	case "n":
		return nil
	case "b":
		return text == "true"
	case "i":
		value, err := strconv.ParseInt(text, 10, 64)
		check(err)
		return value
	case "d":
		bits, err := hex.DecodeString(text)
		check(err)
		return math.Float64frombits(binary.BigEndian.Uint64(bits))
	case "j":
		var value interface{}
		check(lines.UnmarshalFromString(text, &value))
		return value
	}
	return text
}

func mapOf(pairs []pair) map[string]interface{} {
	if pairs == nil {
		return nil
	}
	made := map[string]interface{}{}
	for _, item := range pairs {
		made[item[0]] = valueOf(item[1], item[2])
	}
	return made
}

func (p *project) impression(s *step, user entities.UserContext) (
	event.UserEvent, bool) {
	var experiment entities.Experiment
	var variation *entities.Variation
	wanted := s.Impression
	if wanted.Experiment != nil {
		found, ok := p.experiment(*wanted.Experiment)
		if !ok {
			panic("no experiment " + *wanted.Experiment)
		}
		experiment = found
	}
	if wanted.Variation != nil {
		found, ok := variationOf(experiment, *wanted.Variation)
		if !ok {
			panic("no variation " + *wanted.Variation)
		}
		variation = &found
	}
	return event.CreateImpressionUserEvent(p, experiment, variation, user,
		wanted.FlagKey, wanted.RuleKey, wanted.RuleType, wanted.Enabled)
}

// The event of a step, and whether the SDK makes one.
func (p *project) event(s *step) (made event.UserEvent, ok bool) {
	user := entities.UserContext{ID: s.User, Attributes: mapOf(s.Attributes)}
	if s.Impression != nil {
		made, ok = p.impression(s, user)
	} else {
		definition, err := p.GetEventByKey(s.Conversion.Key)
		if ok = err == nil; ok {
			made = event.CreateConversionUserEvent(p, definition, user,
				mapOf(s.Conversion.Tags))
		}
	}
	if ok && s.UUID != nil {
		made.UUID = *s.UUID
	}
	if ok && s.Time != nil {
		timestamp, err := strconv.ParseInt(*s.Time, 10, 64)
		check(err)
		made.Timestamp = timestamp
	}
	return made, ok
}

type driver struct {
	texts    map[string]string
	projects map[string]*project
}

func (d *driver) project(name string) *project {
	if d.projects[name] == nil {
		made, err := newProject(d.texts[name])
		check(err)
		d.projects[name] = made
	}
	return d.projects[name]
}

// Says "version" or "form" of a datafile that the SDK does not accept.
func (d *driver) lookUp(l *line) map[string]interface{} {
	p, err := newProject(d.texts[*l.Lookup])
	if err != nil {
		by := "form"
		if err.Error() == "unsupported datafile version" {
			by = "version"
		}
		return map[string]interface{}{"accepted": false, "by": by}
	}
	answer := map[string]interface{}{"accepted": true,
		"projectId": p.GetProjectID(), "accountId": p.GetAccountID(),
		"revision": p.GetRevision(), "sdkKey": p.GetSdkKey(),
		"environmentKey":    p.GetEnvironmentKey(),
		"anonymizeIP":       p.GetAnonymizeIP(),
		"botFiltering":      p.GetBotFiltering(),
		"sendFlagDecisions": p.SendFlagDecisions()}
	attributes, events := []interface{}{}, []interface{}{}
	experiments, variations := []interface{}{}, []interface{}{}
	for _, key := range l.Attributes {
		found, err := p.GetAttributeByKey(key)
		attributes = append(attributes, orNull(found.ID, err == nil))
	}
	for _, key := range l.Events {
		found, err := p.GetEventByKey(key)
		events = append(events, orNull(found.ID, err == nil))
	}
	for _, key := range l.Experiments {
		found, ok := p.experiment(key)
		experiments = append(experiments, []interface{}{
			orNull(found.ID, ok), orNull(found.LayerID, ok)})
	}
	for _, keys := range l.Variations {
		experiment, _ := p.experiment(keys[0])
		found, ok := variationOf(experiment, keys[1])
		variations = append(variations, orNull(found.ID, ok))
	}
	answer["attributes"], answer["events"] = attributes, events
	answer["experiments"], answer["variations"] = experiments, variations
	return answer
}

func orNull(text string, ok bool) interface{} {
	if ok {
		return text
	}
	return nil
}

func (d *driver) answer(l *line) interface{} {
	switch {
	case l.Datafile != nil:
		d.texts[*l.Datafile] = l.Text
		delete(d.projects, *l.Datafile)
	case l.Lookup != nil:
		return d.lookUp(l)
	case l.Case != nil:
		return d.runCase(l)
	}
	return nil
}

func main() {
	logging.SetLogger(silence{})
	if len(os.Args) > 1 && os.Args[1] == "--version" {
		fmt.Printf("[%q, %q]\n", event.ClientName, event.Version)
		return
	}
	d := &driver{map[string]string{}, map[string]*project{}}
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	for {
		text, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		check(err)
		var l line
		check(lines.Unmarshal(text, &l))
		if answer := d.answer(&l); answer != nil {
			made, err := wire.Marshal(answer)
			check(err)
			_, err = out.Write(append(made, '\n'))
			check(err)
		}
	}
	check(out.Flush())
}
