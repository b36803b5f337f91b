-- What is asked of live calls is answered by calls_live.
DROP INDEX calls_active;
