-- What the workspace production needs. Every statement may be run again.

-- service principal pipelines-production: added to the workspace
--   entitlements: allow-cluster-create, workspace-access

-- catalog main: bound to production, read only; it must exist already

CREATE CATALOG IF NOT EXISTS prod
  COMMENT 'Released models, customers\' analyses, and the record of both.';
-- catalog prod: bound to production, read and write, hidden from workspaces without a binding (isolation mode ISOLATED)

CREATE SCHEMA IF NOT EXISTS prod.pipelines
  COMMENT 'The pipelines\' own: staging, scratch, leases.';
CREATE SCHEMA IF NOT EXISTS prod.models
  COMMENT 'Released models.';
CREATE SCHEMA IF NOT EXISTS prod.predictions
  COMMENT 'Predictions of released models.';
CREATE SCHEMA IF NOT EXISTS prod.ops
  COMMENT 'Customers, costs, compute and the record of releases.';

CREATE VOLUME IF NOT EXISTS prod.pipelines.staging
  COMMENT 'Code and events of steps; only the pipelines may write.';
CREATE VOLUME IF NOT EXISTS prod.pipelines.work
  COMMENT 'Scratch of tasks.';
CREATE EXTERNAL VOLUME IF NOT EXISTS prod.ops.customer_archives
  LOCATION 's3://acme-customers/customers/.archive'
  COMMENT 'What is left of customers that were offboarded.';

-- Tables, made by the first run that writes them (--tables: now):
--   prod.predictions.approach_judgements, prod.predictions.maneuver_segments, prod.predictions.upset_events,
--   prod.predictions.session_judgements, prod.ops.release_audit, prod.ops.customers, prod.ops.compute_usage,
--   prod.ops.cost_report, prod.pipelines.leases

GRANT USE CATALOG ON CATALOG main TO `0a1b2c3d-0000-4000-8000-000000000001`;
GRANT SELECT, USE SCHEMA ON SCHEMA main.gold TO `0a1b2c3d-0000-4000-8000-000000000001`;
GRANT ALL PRIVILEGES ON CATALOG prod TO `0a1b2c3d-0000-4000-8000-000000000001`;

-- secret scope pipelines: created
--   READ to pipelines-production
--   event-key: 32 random bytes, if there is none
--   attestation-public-key: the public key of the development workspace, if there is none
