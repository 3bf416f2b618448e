-- Logs are asked for by the application's id of their message.
CREATE INDEX email_log_application ON email_log (application_id) WHERE application_id IS NOT NULL;
