# SPDX-License-Identifier: Apache-2.0
# desync-guard from the rendered template of a release: in this account and Region, or, with
# organizational_unit_ids, in an organization (as deploy/stackset.yaml does it). docs/deploy.md.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}

locals {
  template     = jsondecode(file(var.template_file)).Parameters
  unknown      = setsubtract(keys(var.parameters), keys(local.template))
  organization = length(var.organizational_unit_ids) > 0
  url          = "https://${data.aws_s3_bucket.template.bucket_regional_domain_name}/${aws_s3_object.template.key}"

  # The provider wants each parameter of a StackSet to be named, or it plans a change forever.
  parameters = merge(
    { for name, one in local.template : name => tostring(one.Default) if can(one.Default) },
    { CodeBucket = var.code_bucket },
    var.parameters,
  )
  targets = {
    with_recorder = {
      filter    = length(var.accounts_without_recorder) > 0 ? "DIFFERENCE" : "NONE"
      overrides = tomap({})
    }
    without_recorder = {
      filter    = "INTERSECTION"
      overrides = tomap({ CreateConfigRule = "off", SweepSchedule = var.sweep_schedule })
    }
  }
  groups = !local.organization ? [] : [
    for name, target in local.targets : name
    if name == "with_recorder" || length(var.accounts_without_recorder) > 0
  ]
}

data "aws_s3_bucket" "template" {
  bucket = var.template_bucket
}

# CloudFormation takes a template of this size from a bucket only.
resource "aws_s3_object" "template" {
  bucket      = var.template_bucket
  key         = basename(var.template_file)
  source      = var.template_file
  source_hash = filemd5(var.template_file)

  lifecycle {
    precondition {
      condition     = length(local.unknown) == 0
      error_message = "The template has no parameter ${join(", ", local.unknown)}."
    }
  }
}

resource "aws_cloudformation_stack" "this" {
  count = local.organization ? 0 : 1

  name         = var.name
  template_url = local.url
  parameters   = local.parameters
  capabilities = ["CAPABILITY_IAM"]
}

resource "aws_cloudformation_stack_set" "this" {
  count = local.organization ? 1 : 0

  name             = var.name
  description      = "desync-guard in the accounts of the organization"
  template_url     = local.url
  parameters       = local.parameters
  capabilities     = ["CAPABILITY_IAM"]
  permission_model = "SERVICE_MANAGED"
  call_as          = var.call_as

  auto_deployment {
    enabled                          = true
    retain_stacks_on_account_removal = false
  }
  managed_execution {
    active = true
  }
  operation_preferences {
    region_concurrency_type      = "PARALLEL"
    failure_tolerance_percentage = var.failure_tolerance_percentage
    max_concurrent_percentage    = var.max_concurrent_percentage
  }
  lifecycle {
    ignore_changes = [administration_role_arn] # AWS fills it in
  }
}

resource "aws_cloudformation_stack_instances" "this" {
  for_each = toset(local.groups)

  stack_set_name      = aws_cloudformation_stack_set.this[0].name
  call_as             = var.call_as
  regions             = var.regions
  parameter_overrides = local.targets[each.key].overrides

  deployment_targets {
    organizational_unit_ids = var.organizational_unit_ids
    account_filter_type     = local.targets[each.key].filter
    accounts                = local.targets[each.key].filter == "NONE" ? null : var.accounts_without_recorder
  }
  operation_preferences {
    region_concurrency_type      = "PARALLEL"
    failure_tolerance_percentage = var.failure_tolerance_percentage
    max_concurrent_percentage    = var.max_concurrent_percentage
    concurrency_mode             = "SOFT_FAILURE_TOLERANCE"
  }
}

output "outputs" {
  description = "The outputs of the stack in this account; empty for an organization."
  value       = try(aws_cloudformation_stack.this[0].outputs, {})
}
