// SPDX-License-Identifier: Apache-2.0

// The baseline: the same rule without tags, exceptions and live reads, as one would write it in Go
// with AWS's own runtime client and SDK. The client is made once, outside the handler, as AWS
// advises.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	"github.com/aws/aws-sdk-go-v2/service/configservice/types"
)

const modeAttribute = "routing.http.desync_mitigation_mode"

var accepted = []string{"defensive", "strictest"}

type attribute struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// AWS Config writes the attributes as a list or as the text of one.
type attributes []attribute

func (list *attributes) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		data = []byte(text)
	}
	return json.Unmarshal(data, (*[]attribute)(list))
}

type invokingEvent struct {
	ConfigurationItem struct {
		ResourceType                 string    `json:"resourceType"`
		ResourceID                   string    `json:"resourceId"`
		ConfigurationItemCaptureTime time.Time `json:"configurationItemCaptureTime"`
		SupplementaryConfiguration   struct {
			LoadBalancerAttributes attributes
		} `json:"supplementaryConfiguration"`
	} `json:"configurationItem"`
}

type answer struct {
	Compliance types.ComplianceType `json:"compliance"`
}

func modeOf(list attributes) (string, error) {
	i := slices.IndexFunc(list, func(each attribute) bool { return each.Key == modeAttribute })
	if i < 0 {
		return "", errors.New("the item does not hold the mode")
	}
	return list[i].Value, nil
}

func handler(client *configservice.Client) func(context.Context, events.ConfigEvent) (answer, error) {
	return func(ctx context.Context, event events.ConfigEvent) (answer, error) {
		var invoking invokingEvent
		if err := json.Unmarshal([]byte(event.InvokingEvent), &invoking); err != nil {
			return answer{}, err
		}
		item := invoking.ConfigurationItem
		mode, err := modeOf(item.SupplementaryConfiguration.LoadBalancerAttributes)
		if err != nil {
			return answer{}, err
		}
		compliance := types.ComplianceTypeNonCompliant
		if slices.Contains(accepted, mode) {
			compliance = types.ComplianceTypeCompliant
		}
		put, err := client.PutEvaluations(ctx, &configservice.PutEvaluationsInput{
			Evaluations: []types.Evaluation{{
				ComplianceResourceType: aws.String(item.ResourceType),
				ComplianceResourceId:   aws.String(item.ResourceID),
				ComplianceType:         compliance,
				Annotation:             aws.String("desync mitigation mode is " + mode),
				OrderingTimestamp:      aws.Time(item.ConfigurationItemCaptureTime),
			}},
			ResultToken: aws.String(event.ResultToken),
			TestMode:    event.ResultToken == "TESTMODE",
		})
		if err != nil {
			return answer{}, err
		}
		if len(put.FailedEvaluations) > 0 {
			return answer{}, errors.New("an evaluation was not accepted")
		}
		return answer{compliance}, nil
	}
}

func main() {
	settings, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(handler(configservice.NewFromConfig(settings)))
}
