"""What jobs cost: bills of jobs that live and of those that are gone."""
