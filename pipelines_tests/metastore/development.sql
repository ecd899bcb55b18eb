-- What the workspace development needs. Every statement may be run again.
-- In GRANT, Databricks wants the application id of pipelines-development in place of the name: give it with
-- --application-id. Applying through the SDK looks it up.

-- service principal pipelines-development: added to the workspace
--   entitlements: allow-cluster-create, workspace-access

CREATE CATALOG IF NOT EXISTS main
  COMMENT 'Flight sessions from the landing zone to gold; written by development alone.';
-- catalog main: bound to development, read and write, hidden from workspaces without a binding (isolation mode ISOLATED)

CREATE CATALOG IF NOT EXISTS dev
  COMMENT 'Models, predictions and branches of data scientists.';
-- catalog dev: bound to development, read and write, hidden from workspaces without a binding (isolation mode ISOLATED)

CREATE SCHEMA IF NOT EXISTS main.landing
  COMMENT 'Files as they arrive.';
CREATE SCHEMA IF NOT EXISTS main.bronze
  COMMENT 'What arrived, file by file, and what became of it.';
CREATE SCHEMA IF NOT EXISTS main.silver
  COMMENT 'Sessions as recorded, in canonical channels and units.';
CREATE SCHEMA IF NOT EXISTS main.gold
  COMMENT 'Cleaned, labelled, attested: what models are trained on, here and in production.';
CREATE SCHEMA IF NOT EXISTS dev.pipelines
  COMMENT 'The pipelines\' own: staging, scratch, leases.';
CREATE SCHEMA IF NOT EXISTS dev.models
  COMMENT 'Models of the branch main.';
CREATE SCHEMA IF NOT EXISTS dev.predictions
  COMMENT 'Predictions of the models of the branch main.';
CREATE SCHEMA IF NOT EXISTS dev.ops
  COMMENT 'What computing in development costs.';

CREATE EXTERNAL VOLUME IF NOT EXISTS main.landing.uploads
  LOCATION 's3://acme-landing/sessions'
  COMMENT 'The landing zone.';
CREATE VOLUME IF NOT EXISTS dev.pipelines.staging
  COMMENT 'Code and events of steps; only the pipelines may write.';
CREATE VOLUME IF NOT EXISTS dev.pipelines.work
  COMMENT 'Scratch of tasks.';

-- Tables, made by the first run that writes them (--tables: now):
--   main.bronze.session_files, main.bronze.annotation_files, main.silver.sessions, main.silver.samples,
--   main.silver.annotations, main.gold.sessions, main.gold.flight_samples, main.gold.maneuvers,
--   main.gold.approaches, main.silver.check_results, dev.predictions.approach_judgements,
--   dev.predictions.maneuver_segments, dev.predictions.upset_events, dev.predictions.session_judgements,
--   dev.ops.compute_usage, dev.ops.cost_report, dev.pipelines.leases

GRANT CREATE SCHEMA, USE CATALOG ON CATALOG main TO `pipelines-development`;
GRANT USE SCHEMA ON SCHEMA main.landing TO `pipelines-development`;
GRANT READ VOLUME ON VOLUME main.landing.uploads TO `pipelines-development`;
GRANT CREATE TABLE, MODIFY, SELECT, USE SCHEMA ON SCHEMA main.bronze TO `pipelines-development`;
GRANT CREATE TABLE, MODIFY, SELECT, USE SCHEMA ON SCHEMA main.silver TO `pipelines-development`;
GRANT CREATE TABLE, MODIFY, SELECT, USE SCHEMA ON SCHEMA main.gold TO `pipelines-development`;
GRANT CREATE SCHEMA, USE CATALOG ON CATALOG dev TO `pipelines-development`;
GRANT CREATE TABLE, MODIFY, SELECT, USE SCHEMA ON SCHEMA dev.pipelines TO `pipelines-development`;
GRANT READ VOLUME, WRITE VOLUME ON VOLUME dev.pipelines.staging TO `pipelines-development`;
GRANT READ VOLUME, WRITE VOLUME ON VOLUME dev.pipelines.work TO `pipelines-development`;
GRANT APPLY TAG, CREATE MODEL, EXECUTE, USE SCHEMA ON SCHEMA dev.models TO `pipelines-development`;
GRANT CREATE TABLE, MODIFY, SELECT, USE SCHEMA ON SCHEMA dev.predictions TO `pipelines-development`;
GRANT CREATE TABLE, MODIFY, SELECT, USE SCHEMA ON SCHEMA dev.ops TO `pipelines-development`;
GRANT USE CATALOG ON CATALOG main TO `data-scientists`;
GRANT SELECT, USE SCHEMA ON SCHEMA main.gold TO `data-scientists`;
GRANT CREATE SCHEMA, USE CATALOG ON CATALOG dev TO `data-scientists`;
GRANT EXECUTE, USE SCHEMA ON SCHEMA dev.models TO `data-scientists`;
GRANT SELECT, USE SCHEMA ON SCHEMA dev.predictions TO `data-scientists`;

-- secret scope pipelines: created
--   READ to pipelines-development
--   event-key: 32 random bytes, if there is none
--   attestation-signing-key, attestation-public-key: an Ed25519 pair, if there is none
