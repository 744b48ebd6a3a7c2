#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Deploys desync-guard to the accounts of an organization, and upgrades it: docs/deploy.md.
set -eu
export AWS_PAGER=

usage() {
    cat <<'USAGE'
usage: stackset.sh --targets OU[,OU...] --regions REGION[,REGION...] [OPTION...] [NAME=VALUE...]

Creates the StackSet, or upgrades it, and deploys a stack to each account and Region that has none.
Run it again whenever you like: it waits for operations that run, repeats nothing that is done,
and tries again what failed.

  --template-url URL        the rendered template in a bucket; needed at first, later it upgrades
  --aggregator NAME         aggregator of AWS Config that says where configuration recorders are
                            (default: the only one of this account and Region)
  --without-recorder LIST   say it yourself: accounts, or account/Region, comma-separated, or none
  --sweep SCHEDULE          sweeps of accounts without a recorder (default: rate(6 hours))
  --failure-tolerance N     percent of the accounts in a Region that may fail (default: 10)
  --concurrency N           percent of the accounts at the same time (default: 25)
  --name NAME               of the StackSet (default: desync-guard)
  --call-as WHO             DELEGATED_ADMIN (default), or SELF in the management account
  --all                     upgrade stacks outside --targets and --regions, too: an upgrade changes
                            each stack of the StackSet, and is refused otherwise
  --dry-run                 read, and print each call that would change something

NAME=VALUE is a parameter of the template. An upgrade keeps every parameter that is not given.

Exit status: 0 all is deployed; 1 a call failed; 2 usage; 3 deployed, but some stacks have no
configuration recorder, or a recorder and no rule; 4 some stacks failed. After an operation that
failed or was stopped, those that follow are left out and named, with status 4.
USAGE
}

die() { # die MESSAGE [STATUS]
    printf 'stackset.sh: %s\n' "$1" >&2
    exit "${2:-1}"
}

name=desync-guard targets='' regions='' template='' aggregator='' without='' sweep='rate(6 hours)'
tolerance=10 concurrency=25 call_as=DELEGATED_ADMIN dry_run='' all='' rule='' keys=' ' parameters=''

parameter() { # parameter KEY VALUE, as JSON
    printf '{"ParameterKey":"%s","ParameterValue":"%s"}' \
        "$1" "$(printf %s "$2" | sed 's/[\\"]/\\&/g')"
}

list() { # list TEXT: its entries, separated by one comma each
    printf '%s\n' "$1" | tr -s ', \t' '\n' | sed '/^$/d' | paste -s -d , -
}

while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) usage && exit 0 ;;
    --dry-run) dry_run=1 && shift && continue ;;
    --all) all=1 && shift && continue ;;
    --*) [ $# -ge 2 ] || die "$1 needs a value; see --help" 2 ;;
    [A-Za-z]*=*)
        [ "${1%%=*}" != CreateConfigRule ] || rule=${1#*=}
        keys="$keys${1%%=*} "
        parameters="$parameters${parameters:+,}$(parameter "${1%%=*}" "${1#*=}")"
        shift && continue
        ;;
    *) die "unknown argument $1; see --help" 2 ;;
    esac
    case $1 in
    --targets) targets=$(list "$2") ;;
    --regions) regions=$(list "$2" | tr , ' ') ;;
    --template-url) template=$2 ;;
    --aggregator) aggregator=$2 ;;
    --without-recorder) without=$(list "$2") ;;
    --sweep) sweep=$2 ;;
    --failure-tolerance) tolerance=$2 ;;
    --concurrency) concurrency=$2 ;;
    --name) name=$2 ;;
    --call-as) call_as=$2 ;;
    *) die "unknown option $1; see --help" 2 ;;
    esac
    shift 2
done
[ -n "$targets" ] || die 'say where with --targets: organizational units, or the root (r-...)' 2
[ -n "$regions" ] || die 'say where with --regions, such as --regions eu-west-1,us-east-1' 2
for number in "$tolerance" "$concurrency"; do
    case $number in
    '' | *[!0-9]* | ????*)
        die '--failure-tolerance and --concurrency are percentages, such as 10' 2
        ;;
    esac
done
command -v aws >/dev/null || die 'needs the AWS CLI (command aws) on the PATH'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

explain() { # AWS's message, and what to do about it
    cat "$work/error" >&2
    case $(cat "$work/error") in
    *"locate credentials"* | *xpired* | *InvalidClientToken*)
        die 'sign in first, or name a profile: export AWS_PROFILE=...' ;;
    *"specify a region"*)
        die 'choose the Region in which the StackSet itself is kept: export AWS_REGION=...' ;;
    *"delegated admin"* | *"management account"* | *AccessDenied* | *NotInUse*)
        die 'run it in a delegated administrator of StackSets, or in the management account with
--call-as SELF; docs/deploy.md says how to register one and which permissions this needs' ;;
    *) die 'repair that and run the same command again; it resumes where it stopped' ;;
    esac
}

ask() { # ask AWS-ARGUMENTS...: reads; a failure ends the script
    aws "$@" --output text 2>"$work/error" || explain
}

change() { # change AWS-ARGUMENTS...: with --dry-run it only prints the call
    [ -n "$dry_run" ] || { ask "$@" && return; }
    printf 'aws' >&2
    for argument in "$@"; do
        case $argument in
        *[!A-Za-z0-9_=:/.,-]*) printf " '%s'" "$(printf %s "$argument" | sed "s/'/'\\\\''/g")" ;;
        *) printf ' %s' "$argument" ;;
        esac >&2
    done
    echo >&2
}

preferences="RegionConcurrencyType=PARALLEL,ConcurrencyMode=SOFT_FAILURE_TOLERANCE,\
FailureTolerancePercentage=$tolerance,MaxConcurrentPercentage=$concurrency"

await() { # await OPERATION: sets $state
    state=RUNNING
    while [ "$state" = RUNNING ] || [ "$state" = QUEUED ] || [ "$state" = STOPPING ]; do
        sleep "${STACKSET_POLL_SECONDS:-15}"
        ask cloudformation describe-stack-set-operation --stack-set-name "$name" \
            --operation-id "$1" --call-as "$call_as" --query StackSetOperation.Status \
            >"$work/state"
        state=$(cat "$work/state")
    done
    echo "  $state (operation $1)"
}

halted=''
operate() { # operate TEXT AWS-ARGUMENTS...: an operation of the StackSet, to its end
    [ -z "$halted" ] || { echo "left out, since an operation failed: $1" && return; }
    printf '%s\n' "$1"
    shift
    change cloudformation "$@" --stack-set-name "$name" --call-as "$call_as" \
        --operation-preferences "$preferences" \
        --query OperationId >"$work/operation"
    [ -z "$dry_run" ] || return 0
    await "$(cat "$work/operation")"
    # Few stacks that failed before and fail again say nothing about the others.
    [ "$state" = SUCCEEDED ] || [ "$state$1" = "FAILED$retry" ] || halted=1
}

rule_off="$(parameter CreateConfigRule off),$(parameter SweepSchedule "$sweep")"

instances() { # instances create|update FILE [OVERRIDES]: its lines are "account Region"
    # One operation for all accounts with the same Regions, which then run in parallel. What else
    # their stacks override ($overrides) stays so: a list of overrides replaces the one before.
    awk 'FILENAME == ARGV[1] { keys[$1 " " $2] = $4; next }
         { a = $1 "|" keys[$0]; if (!(a in r)) all[++n] = a
           r[a] = r[a] (r[a] == "" ? "" : " ") $2 }
         END { for (i = 1; i <= n; i++) {
                   split(all[i], part, "|"); k = r[all[i]] "|" part[2]
                   if (!(k in g)) order[++m] = k
                   g[k] = g[k] (g[k] == "" ? "" : ",") part[1] }
               for (i = 1; i <= m; i++) print order[i] "|" g[order[i]] }' \
        "$work/overrides" "$2" >"$work/groups"
    while IFS='|' read -r where others who <&3; do
        count=$(echo "$who" | tr , '\n' | wc -l)
        overrides=${3:+"[$3$(echo "$others" | tr , '\n' | sed '
            /^None$/d; /^$/d; /^CreateConfigRule$/d; /^SweepSchedule$/d
            s/.*/,{"ParameterKey":"&","UsePreviousValue":true}/' | tr -d '\n')]"}
        # $where is split on purpose, and so is the option that is there or not.
        # shellcheck disable=SC2086
        operate "$1 $((count)) account(s) in $where${3:+, without the rule}" \
            "$1-stack-instances" --regions $where \
            --deployment-targets "OrganizationalUnitIds=$targets,Accounts=$who,\
AccountFilterType=INTERSECTION" ${overrides:+--parameter-overrides "$overrides"}
    done 3<"$work/groups"
    [ -z "${3:-}" ] || cat "$2" >>"$work/off"
}

minus() { awk 'FILENAME == ARGV[1] { x[$0]; next } !($0 in x)' "$2" "$1"; }
common() { awk 'FILENAME == ARGV[1] { x[$0]; next } $0 in x' "$2" "$1"; }
words() { # words FILE: one a line; None is the AWS CLI's word for an empty list
    awk '{ for (i = 1; i <= NF; i++) if ($i != "None") print $i }' "$1"
}

list_accounts() { # list_accounts PARENT: the active ones below it, at any depth
    ask organizations list-accounts-for-parent --parent-id "$1" \
        --query "Accounts[?(State || Status) == 'ACTIVE'].Id" >"$work/listed"
    words "$work/listed" >>"$work/accounts"
    ask organizations list-organizational-units-for-parent --parent-id "$1" \
        --query 'OrganizationalUnits[].Id' >"$work/listed"
    for child in $(words "$work/listed"); do list_accounts "$child"; done
}

in_regions() { # "account Region" for each line "account", or "account/Region"
    awk -F / -v regions="$regions" '{ n = split($2 == "" ? regions : $2, r, " ")
        for (i = 1; i <= n; i++) print $1 " " r[i] }'
}

list_stacks() { # those of $wanted: "account Region", status, reason; the others: $outside
    ask cloudformation list-stack-instances --stack-set-name "$name" --call-as "$call_as" --query \
        'Summaries[].[Account, Region, StackInstanceStatus.DetailedStatus, StatusReason]' \
        >"$work/listed"
    awk -F '\t' -v OFS='\t' 'FILENAME == ARGV[1] { x[$0]; next }
        ($1 " " $2) in x { print $1 " " $2, $3, $4 }' "$work/wanted" "$work/listed" >"$work/stacks"
    awk -F '\t' 'FILENAME == ARGV[1] { x[$0]; next }
        $3 != "SKIPPED_SUSPENDED_ACCOUNT" && !(($1 " " $2) in x) { print $1 " " $2 }' \
        "$work/wanted" "$work/listed" >"$work/outside"
}

list_overrides() { # of $existing: account, Region, CreateConfigRule, names of all; None for nothing
    : >"$work/overrides" && : >"$work/error"
    [ -s "$work/existing" ] || return 0
    # shellcheck disable=SC2016 # the shell of xargs expands it
    xargs -n 2 -P 4 sh -c 'exec aws cloudformation describe-stack-instance --output text \
        --stack-set-name "$1" --call-as "$2" --stack-instance-account "$4" \
        --stack-instance-region "$5" --query "$3"' sh "$name" "$call_as" "StackInstance.[Account,
        Region, ParameterOverrides[?ParameterKey=='CreateConfigRule'].ParameterValue | [0],
        join(',', ParameterOverrides[].ParameterKey || \`[]\`)]" \
        <"$work/existing" >>"$work/overrides" 2>>"$work/error" || explain
}

list_recorders() { # "account Region" of each configuration recorder
    if [ -z "$aggregator" ]; then
        ask configservice describe-configuration-aggregators \
            --query 'ConfigurationAggregators[].ConfigurationAggregatorName' >"$work/listed"
        aggregator=$(words "$work/listed")
        [ "$(words "$work/listed" | wc -l)" -eq 1 ] || die "say which accounts have no configuration
recorder (--without-recorder), or which aggregator of AWS Config knows (--aggregator); here are:
${aggregator:-none}" 2
    fi
    ask configservice select-aggregate-resource-config --query Results \
        --configuration-aggregator-name "$aggregator" --expression \
        "SELECT accountId, awsRegion WHERE resourceType = 'AWS::Config::ConfigurationRecorder'" \
        >"$work/listed"
    tr '\t' '\n' <"$work/listed" | # one row of JSON a line
        sed -n 's/.*"accountId" *: *"\([0-9]*\)".*"awsRegion" *: *"\([a-z0-9-]*\)".*/\1 \2/p
            s/.*"awsRegion" *: *"\([a-z0-9-]*\)".*"accountId" *: *"\([0-9]*\)".*/\2 \1/p' \
            >"$work/recorders"
    [ -s "$work/recorders" ] || die "the aggregator $aggregator knows of no configuration recorder.
Does it cover these accounts and Regions? Otherwise list the accounts with --without-recorder"
}

# --- what is there --------------------------------------------------------------------------------
ask sts get-caller-identity --query Arn >"$work/caller"
echo "StackSet $name, as $(cat "$work/caller")"
: >"$work/accounts"
for parent in $(echo "$targets" | tr , ' '); do list_accounts "$parent"; done
ask organizations describe-organization --query Organization.MasterAccountId >"$work/management"
if common "$work/management" "$work/accounts" | grep -q .; then
    echo "The management account $(cat "$work/management") gets no stack from a StackSet:" \
        'deploy the template there by itself.'
fi
sort -u "$work/accounts" >"$work/listed"
minus "$work/listed" "$work/management" >"$work/accounts"
[ -s "$work/accounts" ] || die "no active account below $targets"
in_regions <"$work/accounts" >"$work/wanted"

if [ -n "$without" ]; then
    [ "$without" != none ] || without=''
    list "$without" | tr , '\n' >"$work/listed"
    wrong=$(awk 'FILENAME == ARGV[1] { x[$1]; x[$1 "/" $2]; next } $0 != "" && !($0 in x)' \
        "$work/wanted" "$work/listed")
    [ -z "$wrong" ] || die "--without-recorder takes none, or accounts below $targets, such as
444455556666 or 444455556666/${regions%% *} for one of the Regions; it cannot be
$wrong" 2
    in_regions <"$work/listed" >"$work/some"
    common "$work/wanted" "$work/some" >"$work/lacking"
else
    list_recorders
    minus "$work/wanted" "$work/recorders" >"$work/lacking"
fi

if aws cloudformation describe-stack-set --stack-set-name "$name" --call-as "$call_as" \
    --query 'StackSet.Parameters[].ParameterKey' --output text >"$work/old" 2>"$work/error"; then
    exists=1
    ask cloudformation list-stack-set-operations --stack-set-name "$name" --call-as "$call_as" \
        --query "Summaries[?contains(['RUNNING', 'QUEUED', 'STOPPING'], Status)].OperationId" \
        >"$work/listed"
    for operation in $(words "$work/listed"); do
        echo "wait for operation $operation, which is under way"
        await "$operation"
    done
    [ -n "$rule" ] || {
        ask cloudformation describe-stack-set --stack-set-name "$name" --call-as "$call_as" \
            --query "StackSet.Parameters[?ParameterKey=='CreateConfigRule'].ParameterValue" \
            >"$work/listed"
        rule=$(cat "$work/listed")
    }
    list_stacks
else
    grep -q StackSetNotFound "$work/error" || explain
    [ -n "$template" ] || die "there is no StackSet $name yet: name its template (--template-url)" 2
    exists='' && : >"$work/stacks" && : >"$work/outside"
fi
cut -f 1 "$work/stacks" >"$work/existing"
list_overrides
awk '$3 == "off" { print $1 " " $2 }' "$work/overrides" >"$work/off"
awk '$3 == "on" { print $1 " " $2 }' "$work/overrides" >"$work/on"
awk -F '\t' '$2 == "FAILED" || $2 == "CANCELLED" { print $1 }' "$work/stacks" >"$work/failed"
minus "$work/wanted" "$work/existing" >"$work/new"
echo "$(($(wc -l <"$work/accounts"))) account(s), $(($(wc -l <"$work/wanted"))) stack(s):" \
    "$(($(wc -l <"$work/new"))) to create, $(($(wc -l <"$work/failed"))) that failed before"

upgrade=''
if [ -n "$exists" ] && [ -n "$template$parameters" ]; then
    upgrade=1
    outside=$(($(wc -l <"$work/outside")))
    [ "$outside" -eq 0 ] || [ -n "$all" ] || die "nothing is changed: an upgrade changes all stacks
of the StackSet, and $outside of them are outside --targets $targets --regions $(list "$regions"):
$(sed -n 's/^/  /; 1,10p' "$work/outside")$([ "$outside" -le 10 ] || printf '\n  ...')
Type --all to upgrade them, too. docs/deploy.md says how to let a few accounts go first" 2
fi

retry=''
[ $(($(wc -l <"$work/failed") * 100)) -gt $(($(wc -l <"$work/wanted") * tolerance)) ] ||
    retry=update-stack-instances

# --- what is to be done ---------------------------------------------------------------------------
if [ -z "$exists" ]; then
    echo "create the StackSet $name"
    change cloudformation create-stack-set --stack-set-name "$name" --call-as "$call_as" \
        --template-url "$template" --parameters "[$parameters]" --capabilities CAPABILITY_IAM \
        --permission-model SERVICE_MANAGED --managed-execution Active=true \
        --auto-deployment Enabled=true,RetainStacksOnAccountRemoval=false \
        --description 'desync-guard in the accounts of the organization' >/dev/null
fi
common "$work/failed" "$work/lacking" >"$work/some"
instances update "$work/some" "$rule_off"
if [ -n "$upgrade" ]; then
    words "$work/old" >"$work/keep"
    if [ -n "$template" ]; then # a parameter that the new template no longer has cannot be kept
        ask cloudformation get-template-summary --template-url "$template" \
            --query 'Parameters[].ParameterKey' >"$work/listed"
        words "$work/listed" >"$work/known"
        common "$work/keep" "$work/known" >"$work/some"
        mv "$work/some" "$work/keep"
    fi
    parameters="$parameters$(awk -v given="$keys" '!index(given, " " $1 " ") {
        printf ",{\"ParameterKey\":\"%s\",\"UsePreviousValue\":true}", $1 }' "$work/keep")"
    set -- --use-previous-template
    [ -z "$template" ] || set -- --template-url "$template"
    cat "$work/existing" "$work/outside" >"$work/some"
    operate "update the StackSet $name and its $(($(wc -l <"$work/some"))) stack(s)" \
        update-stack-set "$@" --parameters "[${parameters#,}]" --capabilities CAPABILITY_IAM
else
    minus "$work/failed" "$work/lacking" >"$work/some"
    instances update "$work/some"
fi
minus "$work/new" "$work/lacking" >"$work/some"
instances create "$work/some"
common "$work/new" "$work/lacking" >"$work/some"
instances create "$work/some" "$rule_off"
[ -z "$dry_run" ] || exit 0

# --- what came of it ------------------------------------------------------------------------------
[ -z "$upgrade" ] || cat "$work/outside" >>"$work/wanted"
list_stacks
awk -F '\t' '$2 == "SUCCEEDED" { print $1 }' "$work/stacks" >"$work/done"
minus "$work/wanted" "$work/done" >"$work/missing"
echo "$(($(wc -l <"$work/done"))) of $(($(wc -l <"$work/wanted"))) stack(s) are up to date."
status=0
tell() { # tell FILE TEXT: stacks that AWS Config does not judge, and why
    [ -s "$1" ] || return 0
    status=3
    echo "$2"
    sed 's/^/  /' "$1"
}
common "$work/lacking" "$work/off" >"$work/some"
tell "$work/some" \
    'Without a configuration recorder, so without the AWS Config rule, but swept by schedule:'
common "$work/lacking" "$work/done" >"$work/listed" # the next run tries failed ones without it
minus "$work/listed" "$work/off" >"$work/some"
if [ "$rule" = off ]; then # they have a rule only where it is overridden
    common "$work/some" "$work/on" >"$work/listed"
    mv "$work/listed" "$work/some"
fi
tell "$work/some" \
    'With the rule, but the configuration recorder is gone, so AWS Config judges nothing:'
common "$work/wanted" "$work/off" >"$work/listed"
minus "$work/listed" "$work/lacking" >"$work/some"
tell "$work/some" 'Still without the rule, although they have a configuration recorder:'
[ "$status" -eq 0 ] || echo 'docs/deploy.md says how to give them the rule, or take it away.'
if [ -s "$work/missing" ]; then
    status=4
    echo 'Not deployed; repair the cause and run the same command again:'
    awk -F '\t' 'FILENAME == ARGV[1] { why[$1] = $2 ": " $3; next }
        { print "  " $0 "  " (($0 in why) ? why[$0] : "no stack") }' "$work/stacks" "$work/missing"
    ! cut -f 2 "$work/stacks" | grep -q INOPERABLE ||
        echo 'INOPERABLE: a deletion failed halfway, and no operation changes this stack any more. Run
aws cloudformation delete-stack-instances with --retain-stacks for it, delete the stack in its
account, and run this command again, which creates it anew.'
    ! grep -qi 'configuration *recorder' "$work/stacks" ||
        echo 'Name accounts that AWS Config refused for lack of a recorder in --without-recorder.'
fi
[ -z "$halted" ] || status=4
exit "$status"
