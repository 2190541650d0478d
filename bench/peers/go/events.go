package main

import (
	"fmt"
	"os"

	"github.com/optimizely/go-sdk/v2/pkg/config"
	"github.com/optimizely/go-sdk/v2/pkg/entities"
	"github.com/optimizely/go-sdk/v2/pkg/event"
	"github.com/optimizely/go-sdk/v2/pkg/logging"
)

const visitors = 1024

// The project of ../../datafile.json, and what its events are made of: the
// same as in ../../bench.c.
type project struct {
	config     config.ProjectConfig
	experiment entities.Experiment
	variation  entities.Variation
	purchase   entities.Event
	users      [visitors]entities.UserContext
	tags       map[string]interface{}
}

func loadProject(path string) *project {
	text, err := os.ReadFile(path)
	check(err)
	manager, err := config.NewStaticProjectConfigManagerFromPayload(text,
		logging.GetLogger("", "config"))
	check(err)
	p := &project{}
	p.config, err = manager.GetConfig()
	check(err)
	p.experiment, err = p.config.GetExperimentByKey("checkout_button_colour")
	check(err)
	p.variation = p.experiment.Variations["20485470101"]
	p.purchase, err = p.config.GetEventByKey("purchase")
	check(err)
	attributes := map[string]interface{}{"device": "iphone",
		"plan": "premium-annual", "age": 42, "score": 3.25, "beta": true}
	for i := range p.users {
		p.users[i] = entities.UserContext{
			ID:         fmt.Sprintf("5f0c3a8e-77aa-4a52-9c1d-%012d", i),
			Attributes: attributes}
	}
	p.tags = map[string]interface{}{"revenue": 4200, "value": 13.37,
		"category": "shoes", "sku": "A-1234", "qty": 2}
	return p
}

func (p *project) impression(i int) event.UserEvent {
	made, ok := event.CreateImpressionUserEvent(p.config, p.experiment,
		&p.variation, p.users[i/2%visitors], "checkout_button",
		"checkout_button_colour", "feature-test", true)
	if !ok {
		panic("no impression was due")
	}
	return made
}

func (p *project) conversion(i int) event.UserEvent {
	return event.CreateConversionUserEvent(p.config, p.purchase,
		p.users[i/2%visitors], p.tags)
}

func (p *project) event(i int) event.UserEvent {
	if i%2 == 0 {
		return p.impression(i)
	}
	return p.conversion(i)
}
