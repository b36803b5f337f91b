-- Totals of one campaign, publisher or target, without those of the others.
CREATE INDEX call_totals_campaign ON call_totals (organization_id, campaign_id, half_hour);
CREATE INDEX call_totals_publisher ON call_totals (organization_id, publisher_id, half_hour);
CREATE INDEX call_totals_target ON call_totals (organization_id, target_id, half_hour);
